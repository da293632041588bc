import type { CallLimits } from '../call-limits.ts';
import { readLimits } from './input.ts';

type ControlRequest = {
  /** The part of the path that `:id` stands for. */
  readonly id: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
};

/** The answer's JSON; undefined for 204. */
export type ControlReply = { readonly status: 200 | 201 | 204; readonly json?: unknown };

type ControlHandler = (request: ControlRequest) => ControlReply | Promise<ControlReply>;

/** Path below `/_sandbox` → method → handler. */
export type ControlRoutes = Readonly<Record<string, Readonly<Record<string, ControlHandler>>>>;

export const NO_CONTENT: ControlReply = { status: 204 };

export function ok(json: unknown): ControlReply {
  return { status: 200, json };
}

/** Shows the limits of a face, and sets them. */
export function limitRoutes(
  limits: CallLimits,
  { now, limitsChanged }: { readonly now: () => number; readonly limitsChanged: () => void },
): ControlRoutes[string] {
  const show = () => {
    const { dayEndsAt, ...report } = limits.report(now());
    return ok({ ...report, dayEndsAt: new Date(dayEndsAt).toISOString() });
  };
  return {
    GET: show,
    PUT: ({ body }) => {
      const { changed, enabled } = readLimits(body);
      limits.configure(changed, enabled);
      limitsChanged();
      return show();
    },
  };
}
