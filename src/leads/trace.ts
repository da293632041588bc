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
