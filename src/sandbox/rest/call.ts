import type { RestResult } from './answer.ts';
import type { RestFault, RestOperation } from './fault.ts';
import type { RestRequest } from './request.ts';

/** A call for the log: without the caller, content and token. */
export type RestCallReport = {
  /** Arrival, epoch milliseconds. */
  readonly time: number;
  readonly operation: RestOperation | 'unknown';
  /** The path with `{id}` for the id of a lead; `unknown` for one that is not served. */
  readonly endpoint: string;
  readonly records: number;
  /** OTHER: an HTTP status of the proxy. */
  readonly outcome: RestOutcome | 'ERROR' | 'RESET' | 'GARBAGE' | 'OTHER';
  /** Only with outcome ERROR. */
  readonly errorCode?: string;
  readonly durationMs: number;
} & CallDetails;

type RestOutcome = 'CREATED' | 'UPDATED' | 'SKIPPED' | 'DELETED' | 'MIXED' | 'FOUND' | 'DONE' | 'TOKEN';

/** What an operation tells the log about a call; names that the sandbox does not know are `unknown`. */
export type CallDetails = {
  readonly action?: string;
  readonly lookupField?: string;
  readonly partition?: string;
  /** How many records got which status. */
  readonly statuses?: Readonly<Record<string, number>>;
};

/** A call on its way through an operation. */
export type RestCall = {
  readonly request: RestRequest;
  /** The body; null when it is empty. */
  readonly json: unknown;
  /** The part of the path that stands for a lead; empty in paths without. */
  readonly id: string;
  readonly injected: RestFault | undefined;
  /** Notes for the log what has been read; kept when the call fails. */
  readonly note: (details: CallDetails & { readonly records?: number }) => void;
};

export type Operation = (call: RestCall) => Promise<RestResult & { readonly outcome: RestOutcome }>;
