import type { CancelSignal } from '../runtime/cancellation.ts';
import type { GatewayError } from './errors.ts';

/** The gateway's part in a distributed trace, as the next hop and the caller see it (W3C Trace Context, 3). */
export type Trace = {
  /** 32 hexadecimal digits in lower case. */
  readonly traceId: string;
  /** The header: version, trace id, id of the gateway's own span, flags. */
  readonly traceparent: string;
  /** The caller's header, passed on unchanged. */
  readonly tracestate: string | undefined;
};

/** What a caller says about the trace of its request. */
export type ParentTrace = {
  readonly traceId: string;
  /** The caller's own span; 16 hexadecimal digits. */
  readonly spanId: string;
  readonly isSampled: boolean;
  readonly tracestate: string | undefined;
};

/** The systems of foreign ids. */
export type ForeignSysType = 'CUSTOM' | 'SFDC' | 'NETSUITE';

/** The value a caller gives an attribute; `null` clears the field. */
export type AttributeValue = string | number | boolean | null;

/** One attribute; a list of them keeps the caller's order. */
export type LeadAttribute = { readonly name: string; readonly value: AttributeValue };

/** An id in another system. */
export type ForeignKey = { readonly id: string; readonly type: ForeignSysType };

/**
 * A validated command to insert or update one lead: it has at least one of `id`, `email`, `foreignKey` and
 * `marketoCookie`, and all its texts pass `isXmlText`.
 */
export type UpsertLead = {
  readonly id?: number;
  readonly email?: string;
  readonly foreignKey?: ForeignKey;
  /** The Munchkin cookie's value, percent-decoded. */
  readonly marketoCookie?: string;
  readonly attributes: readonly LeadAttribute[];
  readonly returnLead: boolean;
  readonly workspace?: string;
};

/** Whether two commands ask for exactly the same, so that one call can answer both. */
export function isSameCommand(a: UpsertLead, b: UpsertLead): boolean {
  return (
    a.id === b.id &&
    a.email === b.email &&
    a.foreignKey?.id === b.foreignKey?.id &&
    a.foreignKey?.type === b.foreignKey?.type &&
    a.marketoCookie === b.marketoCookie &&
    a.returnLead === b.returnLead &&
    a.workspace === b.workspace &&
    a.attributes.length === b.attributes.length &&
    a.attributes.every(({ name, value }, index) => {
      const other = b.attributes[index];
      return other !== undefined && other.name === name && Object.is(other.value, value);
    })
  );
}

/** A lead as the upstream returned it, its values typed by the upstream's own type names. */
export type LeadRecord = {
  readonly id: number | null;
  readonly email: string | null;
  readonly foreignSysPersonId: string | null;
  readonly foreignSysType: string | null;
  readonly attributes: readonly LeadAttribute[];
};

/** The statuses of a stored lead. */
export type UpsertStatus = 'CREATED' | 'UPDATED' | 'UNCHANGED';

export type UpsertResult = {
  readonly leadId: number;
  readonly status: UpsertStatus;
  /** Only if the command asked for it. */
  readonly lead?: LeadRecord;
};

/** Where the time of a command went; all times in ms. */
export type CallTiming = {
  /** In queues and pauses. */
  readonly waitMs: number;
  /** In calls to the upstream. */
  readonly upstreamMs: number;
  /** How many calls it was part of. */
  readonly attempts: number;
  /** Leads in the last call; 0 without a call. */
  readonly batchSize: number;
};

/** The request that something is done for. */
export type Origin = { readonly requestId: string; readonly trace: Trace };

/** Who asks. Callers take turns (docs/dispatching.md#callers). */
export type CallerId = {
  /** The key or the application, or whatever else has a share of its own. */
  readonly key: string;
  /** Where one key is used by many: who of them. */
  readonly address: string | undefined;
};

/** What belongs to a command but not to the lead. */
export type UpsertContext = Origin & {
  readonly caller: CallerId;
  /**
   * For a lead in no hurry: it fills the room that the calls of others leave, and has no deadline. Aborts when someone
   * begins to wait for it; from then on it takes its turns with the others.
   */
  readonly background?: CancelSignal;
  /** Called once, before the promise settles. */
  readonly report?: (timing: CallTiming) => void;
  /** Where less time is left than the directory's own deadline, in ms. */
  readonly deadlineMs?: number;
  /** Keeps the lead out of calls with others, but for those with the same text. */
  readonly apart?: string | undefined;
  /** For a lead that another process may have sent: the latest time at which that call may have begun, in monotonic ms. */
  readonly takenOverMs?: number | undefined;
  /** For a lead of many that come at once: no call is made for it before the others are there, too. */
  readonly gathering?: Gathering | undefined;
  /**
   * Called before `upsert` returns if the lead cannot wait now, as where its caller has as many waiting as it may. If this
   * returns true, the caller comes again, and the lead does not count as refused.
   */
  readonly onNoRoom?: (error: GatewayError) => boolean;
  /** Aborts when the caller has disconnected. */
  readonly signal: CancelSignal;
};

/** Leads that come at once, from the first of them to the last. */
export type Gathering = {
  /** Set by the directory; to be called when the leads that come at once are there. */
  done: (() => void) | undefined;
};

/** The port for callers: writes leads. Rejects with a GatewayError and with nothing else. */
export type LeadDirectory = {
  upsert(command: UpsertLead, context: UpsertContext): Promise<UpsertResult>;
};

/** A directory that writes leads without a workspace to this one. */
export function withDefaultWorkspace(directory: LeadDirectory, workspace: string | undefined): LeadDirectory {
  if (workspace === undefined) return directory;
  return {
    upsert: (command, context) => directory.upsert({ workspace, ...command }, context),
  };
}
