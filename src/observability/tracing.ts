import type { Origin, ParentTrace, Trace } from '../leads/lead.ts';

/**
 * Those of OpenTelemetry's environment variables that the gateway reads ("OpenTelemetry Environment Variable
 * Specification"). OpenTelemetry's packages read the others.
 */
export const TRACING_VARIABLES = [
  'OTEL_SDK_DISABLED',
  'OTEL_TRACES_EXPORTER',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_EXPORTER_OTLP_PROTOCOL',
  'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
  'OTEL_SPAN_LINK_COUNT_LIMIT',
] as const;

type Name = (typeof TRACING_VARIABLES)[number];

export type TracingSettings = {
  readonly exporter: 'http/protobuf' | 'http/json' | 'console';
  /** Null: OpenTelemetry reads it from the environment. */
  readonly maxLinks: number | null;
  /** Where spans are sent; null: to the console. */
  readonly endpoint: URL | null;
  /** Paths of the files for TLS. */
  readonly certificates: {
    readonly ca: string | undefined;
    readonly cert: string | undefined;
    readonly key: string | undefined;
  };
};

export type TracingResult = {
  /** Null: traces are off. */
  readonly tracing: TracingSettings | null;
  readonly mistakes: readonly string[];
};

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] as const;
const EXPORTERS: ReadonlySet<string> = new Set(['otlp', 'console']);
const PROTOCOLS = ['http/protobuf', 'http/json'] as const;
const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
];

/** The specification's default ("OTLP Exporter Configuration"). */
const DEFAULT_ENDPOINT = 'http://localhost:4318';

/** Lets a full batch be linked to all of its requests; OpenTelemetry's default is 128. */
const MAX_LINKS = 1000;

/** Reads the settings of traces. Every mistake begins with the variable's name. A blank value counts as not set. */
export function readTracingSettings(env: Readonly<Record<string, string | undefined>>): TracingResult {
  const valueOf = (name: Name) => env[name]?.trim() || undefined;
  const exporter = valueOf('OTEL_TRACES_EXPORTER');
  const endpoints = ENDPOINTS.filter((name) => valueOf(name) !== undefined);
  const isAskedFor = exporter !== undefined || endpoints.length > 0;
  const isOff = valueOf('OTEL_SDK_DISABLED')?.toLowerCase() === 'true' || exporter === 'none';
  if (!isAskedFor || isOff) return { tracing: null, mistakes: [] };
  const mistakes: string[] = [];
  const demand = (name: Name, isFine: boolean, rule: string) => {
    if (!isFine) mistakes.push(`${name} must be ${rule}`);
  };
  demand('OTEL_TRACES_EXPORTER', exporter === undefined || EXPORTERS.has(exporter), 'otlp, console or none');
  for (const name of endpoints) demand(name, isWebUrl(valueOf(name)), 'an http: or https: URL');
  const protocolName =
    valueOf('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') === undefined
      ? 'OTEL_EXPORTER_OTLP_PROTOCOL'
      : 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL';
  const given = valueOf(protocolName) ?? 'http/protobuf';
  const protocol = PROTOCOLS.find((known) => known === given);
  demand(protocolName, protocol !== undefined, `${PROTOCOLS.join(' or ')}; gRPC is not supported`);
  const sampler = valueOf('OTEL_TRACES_SAMPLER');
  demand('OTEL_TRACES_SAMPLER', sampler === undefined || SAMPLERS.includes(sampler), SAMPLERS.join(', '));
  const share = Number(valueOf('OTEL_TRACES_SAMPLER_ARG') ?? 1);
  demand('OTEL_TRACES_SAMPLER_ARG', share >= 0 && share <= 1, 'a number from 0 to 1');
  const links = valueOf('OTEL_SPAN_LINK_COUNT_LIMIT');
  demand('OTEL_SPAN_LINK_COUNT_LIMIT', /^\d{1,9}$/.test(links ?? '0'), 'a whole number');
  const url =
    valueOf('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ??
    valueOf('OTEL_EXPORTER_OTLP_ENDPOINT') ??
    DEFAULT_ENDPOINT;
  const certificate = (name: string) =>
    env[`OTEL_EXPORTER_OTLP_TRACES_${name}`]?.trim() ||
    env[`OTEL_EXPORTER_OTLP_${name}`]?.trim() ||
    undefined;
  return {
    tracing: {
      exporter: exporter === 'console' ? 'console' : (protocol ?? 'http/protobuf'),
      maxLinks: links === undefined ? MAX_LINKS : null,
      endpoint: exporter !== 'console' && isWebUrl(url) ? new URL(url) : null,
      certificates: {
        ca: certificate('CERTIFICATE'),
        cert: certificate('CLIENT_CERTIFICATE'),
        key: certificate('CLIENT_KEY'),
      },
    },
    mistakes,
  };
}

function isWebUrl(text: string | undefined): boolean {
  return text !== undefined && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** How a request ended, for its span. */
export type RequestEnd = {
  /** The route's pattern; null for other paths. */
  readonly route: string | null;
  /** Null if the caller left before the response was sent. */
  readonly status: number | null;
  readonly problem: string | undefined;
  /** The name of the key. */
  readonly caller: string | undefined;
};

export type RequestSpan = { readonly trace: Trace; end(end: RequestEnd): void };

/** How a call to the upstream ended, for its span. */
export type CallSpanEnd = {
  readonly outcome: string;
  readonly isError: boolean;
  /** The code of the SOAP fault, or the HTTP status that made the call fail. */
  readonly faultCode: number | undefined;
  readonly httpStatus: number | undefined;
};

export type StartedCall = {
  /** Which of the upstream's APIs. */
  readonly api: 'soap' | 'rest';
  readonly operation: string;
  readonly leads: number;
  readonly server: { readonly address: string; readonly port: number };
};

export type CallSpan = { readonly trace: Trace; end(end: CallSpanEnd): void };

/** Creates the gateway's spans. None contains personal data. */
export type Tracing = {
  startRequest(method: string, parent: ParentTrace | undefined): RequestSpan;
  /** @param origins the requests the call is made for, oldest first: the span of the first becomes the parent */
  startCall(call: StartedCall, origins: readonly Origin[]): CallSpan;
  /** Sends the remaining spans; gives up after `timeoutMs`. */
  close(timeoutMs: number): Promise<void>;
};
