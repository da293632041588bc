import type { CallLimits } from '../call-limits.ts';
import { partitionIds, restFieldsOf } from '../rest/fields.ts';
import type { Tokens } from '../rest/tokens.ts';
import { partitionsOf, type RestSettings, type SettingsHolder } from '../settings.ts';
import { ControlError } from './members.ts';
import { readPartitions, readRestSwitches, readTokenLife } from './rest-input.ts';
import { type ControlRoutes, limitRoutes, NO_CONTENT, ok } from './route.ts';

export type RestControlDeps = {
  readonly settings: SettingsHolder;
  readonly restLimits: CallLimits;
  readonly tokens: Tokens;
  readonly now: () => number;
  /** Called when calls that were refused may be taken again. */
  readonly limitsChanged: () => void;
};

/** What the control API can do about the REST face alone (docs/sandbox.md#rest-face). */
export function restRoutes({
  settings,
  restLimits,
  tokens,
  now,
  limitsChanged,
}: RestControlDeps): ControlRoutes {
  const change = (part: Partial<RestSettings>) =>
    settings.change({ rest: { ...settings.current().rest, ...part } });
  const showSwitches = () => {
    const { readOnly, describeSoapNames, countTogether } = settings.current().rest;
    return ok({ readOnly, describeSoapNames, countTogether });
  };
  const showPartitions = () => {
    const current = settings.current();
    const ids = partitionIds(current);
    return ok({
      partitions: partitionsOf(current).map((partition) => ({ id: ids.get(partition.name), ...partition })),
    });
  };
  const showToken = () => ok({ secondsLeft: tokens.secondsLeft(now()) });
  return {
    '/rest': {
      GET: showSwitches,
      PUT: ({ body }) => {
        const { rest } = settings.current();
        const switches = readRestSwitches(body, rest);
        const fields = restFieldsOf(settings.current());
        // Names that are kept may be of fields that were there.
        const unknown = switches.readOnly.find((name) => !fields.has(name) && !rest.readOnly.includes(name));
        if (unknown !== undefined) throw new ControlError(400, `readOnly: ${unknown} is not a REST name.`);
        change(switches);
        limitsChanged();
        return showSwitches();
      },
    },
    '/partitions': {
      GET: showPartitions,
      PUT: ({ body }) => {
        change({ partitions: readPartitions(body) });
        return showPartitions();
      },
    },
    '/token': {
      GET: showToken,
      PUT: ({ body }) => {
        tokens.setLife(readTokenLife(body), now());
        return showToken();
      },
      DELETE: () => {
        tokens.expire();
        return NO_CONTENT;
      },
    },
    '/rest-limits': limitRoutes(restLimits, { now, limitsChanged }),
  };
}
