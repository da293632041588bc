import type { CancelSignal } from '../runtime/cancellation.ts';

/** A directory whose commands name `workspace` when they name none themselves. */
export function withDefaultWorkspace(directory: LeadDirectory, workspace: string | undefined): LeadDirectory {
  if (workspace === undefined) return directory;
  return {
    upsert: (command, context) => directory.upsert({ workspace, ...command }, context),
  };
}

/** The gateway's part in a distributed trace, as the next hop and the caller are told of it (W3C Trace Context, 3). */
export type Trace = {
  /** 32 hexadecimal digits in lower case. */
  readonly traceId: string;
  /** The header: version, trace id, id of the gateway's own part, flags. */
  readonly traceparent: string;
  /** The caller's header, passed on. */
  readonly tracestate: string | undefined;
};

/** What a caller says of the trace its request belongs to. */
export type ParentTrace = {
  readonly traceId: string;
  /** The caller's own part in it; 16 hexadecimal digits. */
  readonly spanId: string;
  readonly isSampled: boolean;
  readonly tracestate: string | undefined;
};

/** Systems a foreign id can come from. */
export type ForeignSysType = 'CUSTOM' | 'SFDC' | 'NETSUITE';

/** What a caller may give an attribute; `null` clears the field. */
export type AttributeValue = string | number | boolean | null;

/** One attribute; a list of them keeps the caller's order. */
export type LeadAttribute = { readonly name: string; readonly value: AttributeValue };

/** An id in another system; the type is never without the id, nor the id without the type. */
export type ForeignKey = { readonly id: string; readonly type: ForeignSysType };

/**
 * A validated wish to insert or update one lead: at least one of `id`, `email`, `foreignKey` and `marketoCookie`
 * is there, and every text can be carried by XML 1.0.
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

/** A lead as the upstream answered it, its values typed by the upstream's own type names. */
export type LeadRecord = {
  readonly id: number | null;
  readonly email: string | null;
  readonly foreignSysPersonId: string | null;
  readonly foreignSysType: string | null;
  readonly attributes: readonly LeadAttribute[];
};

/** Statuses that mean the lead is stored. */
export type UpsertStatus = 'CREATED' | 'UPDATED' | 'UNCHANGED';

export type UpsertResult = {
  readonly leadId: number;
  readonly status: UpsertStatus;
  /** Only when the command asked for it. */
  readonly lead?: LeadRecord;
};

/** Where the time of a command went. */
export type CallTiming = {
  /** Ms it waited, in queues and pauses. */
  readonly waitMs: number;
  /** Ms it spent in calls to the upstream. */
  readonly upstreamMs: number;
  /** Calls it was part of. */
  readonly attempts: number;
  /** Leads in the last of them; 0 when there was none. */
  readonly batchSize: number;
};

/** Which request something is done for. */
export type Origin = { readonly requestId: string; readonly trace: Trace };

/** What goes along with a command but is no part of the lead. */
export type UpsertContext = Origin & {
  /** Told once, before the answer or the error. */
  readonly report?: (timing: CallTiming) => void;
  /** Aborts when the caller has left; the deadline is the directory's own. */
  readonly signal: CancelSignal;
};

/**
 * The port between the HTTP side and whoever keeps the leads.
 * Rejects with a GatewayError and with nothing else.
 */
export type LeadDirectory = {
  upsert(command: UpsertLead, context: UpsertContext): Promise<UpsertResult>;
};
