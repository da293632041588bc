import { ControlError, object, string } from './members.ts';
import { type ControlRoutes, ok } from './route.ts';

/** What the sandbox's page needs of the gateway that the sandbox is embedded in. */
export type GatewayLink = {
  /** Where callers reach it. */
  readonly url: string;
  /** What a caller was answered with, by the request id; undefined where that is not known or not known yet. */
  answerOf(requestId: string): { readonly status: number; readonly problem: string | null } | undefined;
  /** Sends a lead as a caller does. Rejects when the gateway cannot be reached. */
  send(leadJson: string, key: string | undefined): Promise<GatewayAnswer>;
};

type GatewayAnswer = { readonly status: number; readonly requestId: string | null; readonly body: unknown };

const MAX_KEY_LENGTH = 4096;

/** JSON.parse takes any depth, JSON.stringify does not. */
function textOf(lead: unknown): string {
  try {
    return JSON.stringify(lead ?? null);
  } catch {
    throw new ControlError(400, 'lead is nested too deeply.');
  }
}

export function gatewayRoutes({
  gateway,
}: {
  readonly gateway: () => GatewayLink | undefined;
}): ControlRoutes {
  return {
    '/gateway': { GET: () => ok({ url: gateway()?.url ?? null }) },
    '/send': {
      POST: async ({ body }) => {
        const link = gateway();
        if (link === undefined) {
          throw new ControlError(404, 'This sandbox runs alone: send leads to your gateway.');
        }
        const { lead, ...members } = object(body, '', ['lead', 'key']);
        const key = members['key'] === undefined ? undefined : string(members, 'key');
        if (key !== undefined && (key.length > MAX_KEY_LENGTH || !/^[\x21-\x7e]+$/.test(key))) {
          throw new ControlError(400, 'key must be printable ASCII without spaces.');
        }
        return ok(await link.send(textOf(lead), key));
      },
    },
  };
}
