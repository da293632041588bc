import { SoapFault } from '../../soap-server/answer.ts';
import type { CallLimits } from '../call-limits.ts';
import type { CallLog } from '../call-log.ts';
import type { FaultInjection } from '../fault-injection.ts';
import { showTranscript } from '../transcript.ts';
import { type Lead, leadView, leadViewWithHistory } from '../leads/lead.ts';
import type { LeadStore } from '../leads/store.ts';
import { clashingRestName } from '../rest/fields.ts';
import {
  fieldList,
  fieldMap,
  partitionForNewLead,
  type Settings,
  targetPartition,
  type WorkspaceSettings,
} from '../settings.ts';
import { type GatewayLink, gatewayRoutes } from './gateway-routes.ts';
import { readAssignmentRules, readField, readFields, readVisit, readWorkspaces } from './input.ts';
import { ControlError } from './members.ts';
import { readNextCall } from './next-input.ts';
import { type RestControlDeps, restRoutes } from './rest-routes.ts';
import { type ControlRoutes, limitRoutes, NO_CONTENT, ok } from './route.ts';

export type ControlDeps = RestControlDeps & {
  /** Undefined where the sandbox runs alone. */
  readonly gateway: () => GatewayLink | undefined;
  readonly store: LeadStore;
  readonly limits: CallLimits;
  readonly callLog: CallLog;
  readonly faultInjection: FaultInjection;
  /** Puts everything back to how the sandbox started. */
  readonly reset: () => void;
};

/** Everything the control API can do (docs/sandbox.md#control-api). Handlers throw a ControlError for what they refuse. */
export function createControlRoutes(deps: ControlDeps): ControlRoutes {
  return {
    ...leadRoutes(deps),
    ...callRoutes(deps),
    ...settingRoutes(deps),
    ...restRoutes(deps),
    ...gatewayRoutes(deps),
    '/reset': {
      POST: () => {
        deps.reset();
        return NO_CONTENT;
      },
    },
  };
}

function leadRoutes({ store, settings, now }: ControlDeps): ControlRoutes {
  return {
    '/leads': {
      GET: ({ query }) => {
        const search = query.get('search')?.trim().toLowerCase() ?? '';
        const leads = [...store.all()].filter((lead) => search === '' || holds(lead, search));
        const newest = countIn(query, 'newest');
        const shown =
          newest === null ? leads : leads.toSorted((a, b) => b.revision - a.revision).slice(0, newest);
        return ok({ total: leads.length, leads: shown.map(leadView) });
      },
      DELETE: () => {
        store.clear();
        return NO_CONTENT;
      },
    },
    '/leads/:id': {
      GET: ({ id }) => {
        const lead = /^\d{1,10}$/.test(id) ? store.get(Number(id)) : undefined;
        if (!lead) throw new ControlError(404, `There is no lead ${id}.`);
        return ok(leadViewWithHistory(lead));
      },
    },
    '/visits': {
      POST: ({ body }) => {
        const { cookie, workspace } = readVisit(body);
        const known = store.byCookie(cookie);
        if (known) return ok(leadView(known));
        const { workspaces, assignmentRules } = settings.current();
        const target = existingPartition(workspaces, workspace);
        const partition = partitionForNewLead(workspaces, assignmentRules, target, () => undefined);
        const note = { nowMs: now(), operation: 'visit', matchedBy: null };
        return { status: 201, json: leadView(store.insert(partition, { cookie }, note, true)) };
      },
    },
  };
}

/** Whether a value of the lead contains the text, which is in small letters. */
function holds(lead: Lead, text: string): boolean {
  const { id, email, foreignSysPersonId, partition, cookies, attributes } = leadView(lead);
  const values = [String(id), email, foreignSysPersonId, partition, ...cookies, ...Object.values(attributes)];
  return values.some((value) => value?.toLowerCase().includes(text));
}

function callRoutes({
  callLog,
  faultInjection,
  limits,
  now,
  limitsChanged,
  gateway,
}: ControlDeps): ControlRoutes {
  const showCall = (call: ReturnType<CallLog['all']>[number]) => {
    const requestId = callLog.requestIdOf(call.number);
    const seen = requestId === undefined ? undefined : gateway()?.answerOf(requestId);
    return { ...call, time: new Date(call.time).toISOString(), ...(seen && { callerSaw: seen }) };
  };
  const showNext = () => ({
    waiting: faultInjection.waiting().map(({ injected, times }) => ({ ...injected, times })),
  });
  return {
    '/calls': {
      GET: ({ query }) => {
        const calls = callLog.all();
        const newest = countIn(query, 'newest');
        return ok({ calls: (newest === null ? calls : calls.toReversed().slice(0, newest)).map(showCall) });
      },
      DELETE: () => {
        callLog.clear();
        return NO_CONTENT;
      },
    },
    '/calls/:id': {
      GET: ({ id }) => {
        const found = /^\d{1,15}$/.test(id) ? callLog.find(Number(id)) : undefined;
        if (!found) throw new ControlError(404, `There is no call ${id}.`);
        const { call, transcript } = found;
        const sent = transcript ? showTranscript(transcript) : { request: null, answer: null };
        return ok({ ...showCall(call), ...sent });
      },
    },
    '/next': {
      GET: () => ok(showNext()),
      POST: ({ body }) => {
        const { injected, times } = readNextCall(body);
        faultInjection.add(injected, times);
        return { status: 201, json: showNext() };
      },
      DELETE: () => {
        faultInjection.clear();
        limitsChanged();
        return NO_CONTENT;
      },
    },
    '/limits': limitRoutes(limits, { now, limitsChanged }),
  };
}

function settingRoutes({ settings }: ControlDeps): ControlRoutes {
  const showRules = () => ok({ rules: settings.current().assignmentRules });
  const showFields = () => ok({ fields: fieldList(settings.current().fields) });
  const changeFields = (fields: Settings['fields']) => {
    const clash = clashingRestName(fieldList(fields));
    if (clash !== undefined) throw new ControlError(400, `The REST name ${clash} stands for another field.`);
    settings.change({ fields });
  };
  return {
    '/workspaces': {
      GET: () => ok(settings.current().workspaces),
      PUT: ({ body }) => {
        settings.change({ workspaces: readWorkspaces(body, settings.current().workspaces) });
        return ok(settings.current().workspaces);
      },
    },
    '/assignment-rules': {
      GET: showRules,
      PUT: ({ body }) => {
        settings.change({ assignmentRules: readAssignmentRules(body) });
        return showRules();
      },
    },
    '/fields': {
      GET: showFields,
      PUT: ({ body }) => {
        changeFields(fieldMap(readFields(body)));
        return showFields();
      },
      POST: ({ body }) => {
        const field = readField(body);
        changeFields(fieldMap([...fieldList(settings.current().fields), field]));
        return { status: 201, json: field };
      },
    },
  };
}

function existingPartition(workspaces: WorkspaceSettings, workspace: string | null): string | null {
  try {
    return targetPartition(workspaces, workspace);
  } catch (error) {
    if (error instanceof SoapFault) throw new ControlError(400, `${error.message}.`);
    throw error;
  }
}

/** A whole number in the query string; null when it is absent. */
function countIn(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null) return null;
  if (!/^\d{1,6}$/.test(text)) throw new ControlError(400, `${name} must be a whole number.`);
  return Number(text);
}
