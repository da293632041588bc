import type { Origin } from '../leads/lead.ts';
import type { ParentTrace, Trace } from '../leads/trace.ts';

/** What becomes of a request, as its span tells it. */
export type RequestEnd = {
  /** The pattern; null for a path nobody knows. */
  readonly route: string | null;
  /** Null when the caller left before the answer was out. */
  readonly status: number | null;
  readonly problem: string | undefined;
  /** Name of the key. */
  readonly caller: string | undefined;
};

export type RequestSpan = { readonly trace: Trace; end(end: RequestEnd): void };

/** What becomes of a call to the upstream, as its span tells it. */
export type CallEnd = {
  readonly outcome: string;
  readonly isError: boolean;
  /** The SOAP fault's code, or the HTTP status, where there was one that matters. */
  readonly faultCode: number | undefined;
  readonly httpStatus: number | undefined;
};

export type StartedCall = {
  readonly operation: string;
  readonly leads: number;
  readonly server: { readonly address: string; readonly port: number };
};

export type CallSpan = { readonly trace: Trace; end(end: CallEnd): void };

/** Spans of the gateway's own making; nothing personal is in any of them. */
export type Tracing = {
  startRequest(method: string, parent: ParentTrace | undefined): RequestSpan;
  /** @param origins the requests the call is made for, oldest first: its span is the child of the first's */
  startCall(call: StartedCall, origins: readonly Origin[]): CallSpan;
  /** Sends what has gathered; gives up after `timeoutMs`. */
  close(timeoutMs: number): Promise<void>;
};
