import type { CallLimits } from '../call-limits.ts';
import type { CallLog } from '../call-log.ts';
import { ControlError } from './api.ts';
import {
  readAssignmentRules,
  readField,
  readFields,
  readLimits,
  readNextCall,
  readVisit,
  readWorkspaces,
} from './input.ts';
import type { LeadStore } from '../leads/store.ts';
import { leadView, leadViewWithHistory } from '../leads/lead.ts';
import type { FaultInjection } from '../fault-injection.ts';
import {
  fieldList,
  fieldMap,
  partitionForNewLead,
  type SettingsHolder,
  targetPartition,
} from '../settings.ts';
import { SoapFault } from '../../soap-server/fault.ts';

export type ControlDeps = {
  readonly store: LeadStore;
  readonly settings: SettingsHolder;
  readonly limits: CallLimits;
  readonly callLog: CallLog;
  readonly faultInjection: FaultInjection;
  readonly now: () => number;
  /** Puts everything back to how the sandbox started. */
  readonly reset: () => void;
  /** Called when calls may be taken that were refused. */
  readonly limitsChanged: () => void;
};

type ControlRequest = {
  /** What stands for `:id` in the path. */
  readonly id: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
};

/** The answer's JSON; undefined for 204. */
export type ControlReply = { readonly status: 200 | 201 | 204; readonly json?: unknown };

type ControlHandler = (request: ControlRequest) => ControlReply;

/** Path below `/_sandbox` → method → handler. The one list of what the control API can do. */
export type ControlRoutes = Readonly<Record<string, Readonly<Record<string, ControlHandler>>>>;

const NO_CONTENT: ControlReply = { status: 204 };

/** Handlers throw ControlError for what cannot be served. */
export function createControlRoutes(deps: ControlDeps): ControlRoutes {
  const { store, settings, limits, callLog, faultInjection, now } = deps;

  const showLeads: ControlHandler = ({ query }) => {
    const leads = [...store.all()];
    const newest = countIn(query, 'newest');
    const shown =
      newest === null ? leads : leads.toSorted((a, b) => b.revision - a.revision).slice(0, newest);
    return ok({ total: leads.length, leads: shown.map(leadView) });
  };

  const visit: ControlHandler = ({ body }) => {
    const { cookie, workspace } = readVisit(body);
    const known = store.byCookie(cookie);
    if (known) return ok(leadView(known));
    const { workspaces, assignmentRules } = settings.current();
    const partition = partitionForNewLead(workspaces, assignmentRules, target(workspace), () => undefined);
    const note = { nowMs: now(), operation: 'visit', matchedBy: null };
    return { status: 201, json: leadView(store.insert(partition, { cookie }, note, true)) };
  };

  function target(workspace: string | null): string | null {
    try {
      return targetPartition(settings.current().workspaces, workspace);
    } catch (error) {
      if (error instanceof SoapFault) throw new ControlError(400, `${error.message}.`);
      throw error;
    }
  }

  const showLimits: ControlHandler = () => {
    const { dayEndsAt, ...report } = limits.report(now());
    return ok({ ...report, dayEndsAt: new Date(dayEndsAt).toISOString() });
  };

  const showFields: ControlHandler = () => ok({ fields: fieldList(settings.current().fields) });
  const showRules: ControlHandler = () => ok({ rules: settings.current().assignmentRules });
  const showNext: ControlHandler = () =>
    ok({ waiting: faultInjection.waiting().map(({ injected, times }) => ({ ...injected, times })) });

  return {
    '/leads': {
      GET: showLeads,
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
    '/visits': { POST: visit },
    '/calls': {
      GET: ({ query }) => {
        const calls = callLog.all().map((call) => ({ ...call, time: new Date(call.time).toISOString() }));
        const newest = countIn(query, 'newest');
        return ok({ calls: newest === null ? calls : calls.toReversed().slice(0, newest) });
      },
      DELETE: () => {
        callLog.clear();
        return NO_CONTENT;
      },
    },
    '/workspaces': {
      GET: () => ok(settings.current().workspaces),
      PUT: ({ body }) => {
        settings.change({ workspaces: readWorkspaces(body, settings.current().workspaces) });
        return ok(settings.current().workspaces);
      },
    },
    '/assignment-rules': {
      GET: showRules,
      PUT: (request) => {
        settings.change({ assignmentRules: readAssignmentRules(request.body) });
        return showRules(request);
      },
    },
    '/fields': {
      GET: showFields,
      PUT: (request) => {
        settings.change({ fields: fieldMap(readFields(request.body)) });
        return showFields(request);
      },
      POST: (request) => {
        const field = readField(request.body);
        settings.change({ fields: fieldMap([...fieldList(settings.current().fields), field]) });
        return { status: 201, json: field };
      },
    },
    '/limits': {
      GET: showLimits,
      PUT: (request) => {
        const { changed, enabled } = readLimits(request.body);
        limits.configure(changed, enabled);
        deps.limitsChanged();
        return showLimits(request);
      },
    },
    '/next': {
      GET: showNext,
      POST: (request) => {
        const { injected, times } = readNextCall(request.body);
        faultInjection.add(injected, times);
        return { ...showNext(request), status: 201 };
      },
      DELETE: () => {
        faultInjection.clear();
        deps.limitsChanged();
        return NO_CONTENT;
      },
    },
    '/reset': {
      POST: () => {
        deps.reset();
        return NO_CONTENT;
      },
    },
  };
}

function ok(json: unknown): ControlReply {
  return { status: 200, json };
}

/** A whole number in the query string, null when it is not given. */
function countIn(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null) return null;
  if (!/^\d{1,6}$/.test(text)) throw new ControlError(400, `${name} must be a whole number.`);
  return Number(text);
}
