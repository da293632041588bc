/** Whole seconds; the longest wait is for the next day of the subscription. */
const SECONDS = { type: 'integer', format: 'int32', minimum: 1, maximum: 2_147_483_647 } as const;

/** The response headers of the API, by the name a document may give them; a document takes what it can say. */
export const HEADERS = {
  RequestId: {
    description: "The id of the request: the caller's X-Request-Id when it is usable, else a new one.",
    required: true,
    schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,128}$' },
    example: '3f0c1e9a-6f3b-4a44-9d0b-0e6f7f4f0a11',
  },
  Traceparent: {
    description: "The request's place in a distributed trace (W3C Trace Context): the caller's, or a new one.",
    required: true,
    schema: { type: 'string', pattern: '^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$' },
    example: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  },
  RetryAfter: {
    description: 'Seconds after which the same request can succeed.',
    required: true,
    schema: SECONDS,
    example: 12,
  },
  MaybeRetryAfter: {
    description: 'Seconds after which the same request can succeed, when that is known.',
    schema: SECONDS,
    example: 12,
  },
  Allow: {
    description: 'The methods the path takes.',
    required: true,
    schema: { type: 'string' },
    example: 'GET, HEAD',
  },
  WwwAuthenticate: {
    description: 'How to authenticate.',
    required: true,
    schema: { type: 'string' },
    example: 'Bearer realm="lead-gateway"',
  },
  RateLimitPolicy: {
    description: 'The limits of the key, where it has any: q requests in w seconds.',
    schema: { type: 'string' },
    example: '"burst";q=20;w=2, "day";q=10000;w=86400',
  },
  RateLimit: {
    description: 'What is left of the limits: r requests, all of them again in t seconds.',
    schema: { type: 'string' },
    example: '"burst";r=19;t=2, "day";r=9999;t=86400',
  },
  MaybeServerTiming: {
    description: 'Milliseconds the lead waited, and spent in calls; not told to publishable keys.',
    schema: { type: 'string' },
    example: 'wait;dur=0.1, upstream;dur=35.2',
  },
  ServerTiming: {
    description: 'Milliseconds the lead waited in the gateway, and spent in calls to Marketo.',
    required: true,
    schema: { type: 'string' },
    example: 'wait;dur=0.1, upstream;dur=35.2',
  },
  PreferenceApplied: {
    description: 'The preference the answer follows; only with Prefer: attributes=list and returnLead.',
    schema: { type: 'string' },
    example: 'attributes=list',
  },
} as const;

export type HeaderName = keyof typeof HEADERS;

/** Headers of a response: which of the above stands under which name. */
export type Headers = Readonly<Record<string, HeaderName>>;
