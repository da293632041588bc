import type * as Api from '@opentelemetry/api';
import type { Attributes, Context, Span, SpanContext, Tracer } from '@opentelemetry/api';
import type { Origin, ParentTrace, Trace } from '../leads/lead.ts';
import { type Clock, withTimeout } from '../runtime/clock.ts';
import { createProvider, load, type ProviderDeps } from './opentelemetry-provider.ts';
import type {
  CallSpan,
  CallSpanEnd,
  RequestEnd,
  RequestSpan,
  StartedCall,
  Tracing,
  TracingSettings,
} from './tracing.ts';

export type TracingDeps = ProviderDeps & Pick<Clock, 'now' | 'setTimer' | 'clearTimer'>;

/** Methods that may name a span (OpenTelemetry semantic conventions, HTTP spans). */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

/** A shorter wait has no span of its own. */
const MIN_WAIT_MS = 1;

/** A request's span, and since when its lead has waited. */
type OpenRequest = { readonly span: Span; waitingSince: number };

/** What both kinds of spans are made with. */
type Spans = {
  readonly api: typeof Api;
  readonly tracer: Tracer;
  readonly now: () => number;
  readonly open: WeakMap<Trace, OpenRequest>;
};

/**
 * Starts tracing with OpenTelemetry's packages. Nothing else loads them.
 *
 * @throws an error that names a package that is not installed
 */
export async function startOpenTelemetry(settings: TracingSettings, deps: TracingDeps): Promise<Tracing> {
  const api = await load(() => import('@opentelemetry/api'));
  const provider = await createProvider(settings, deps);
  const tracer = provider.getTracer('lead-gateway', deps.version);
  const spans: Spans = { api, tracer, now: deps.now, open: new WeakMap() };
  return {
    startRequest: (method, parent) => startRequestSpan(spans, method, parent),
    startCall: (call, origins) => startCallSpan(spans, call, origins),
    close: (timeoutMs) => withTimeout(provider.shutdown(), timeoutMs, deps).catch(() => {}),
  };
}

function startRequestSpan(spans: Spans, method: string, parent: ParentTrace | undefined): RequestSpan {
  const { api, tracer, now, open } = spans;
  const known = METHODS.has(method) ? method : '_OTHER';
  const attributes = { 'http.request.method': known, 'url.scheme': 'http' };
  const span = tracer.startSpan(known, { kind: api.SpanKind.SERVER, attributes }, contextOf(api, parent));
  const trace = toTrace(span.spanContext(), parent?.tracestate);
  open.set(trace, { span, waitingSince: now() });
  return {
    trace,
    end(end) {
      if (end.route !== null) span.updateName(`${known === '_OTHER' ? 'HTTP' : known} ${end.route}`);
      span.setAttributes(attributesOfRequest(end));
      // A caller's mistake is not an error of the server (semantic conventions, HTTP spans, "Status").
      if (end.status !== null && end.status >= 500) span.setStatus({ code: api.SpanStatusCode.ERROR });
      span.end();
    },
  };
}

function contextOf(api: typeof Api, parent: ParentTrace | undefined): Context {
  if (parent === undefined) return api.ROOT_CONTEXT;
  return api.trace.setSpanContext(api.ROOT_CONTEXT, {
    traceId: parent.traceId,
    spanId: parent.spanId,
    traceFlags: parent.isSampled ? 1 : 0,
    isRemote: true,
    ...(parent.tracestate !== undefined && { traceState: api.createTraceState(parent.tracestate) }),
  });
}

function startCallSpan(spans: Spans, call: StartedCall, origins: readonly Origin[]): CallSpan {
  const { api, tracer, now, open } = spans;
  const startedAt = now();
  const requests = origins.flatMap(({ trace }) => open.get(trace) ?? []);
  for (const request of requests) addWait(spans, request, startedAt);
  const [oldest] = requests;
  const span = tracer.startSpan(
    `marketo ${call.operation}`,
    {
      kind: api.SpanKind.CLIENT,
      attributes: attributesOfStart(call),
      // A span has one parent: several requests are links.
      links: requests.length > 1 ? requests.map((one) => ({ context: one.span.spanContext() })) : [],
    },
    oldest === undefined ? api.ROOT_CONTEXT : api.trace.setSpan(api.ROOT_CONTEXT, oldest.span),
  );
  return {
    trace: toTrace(span.spanContext(), origins[0]?.trace.tracestate),
    end(end) {
      span.setAttributes(attributesOfCall(end));
      if (end.isError) span.setStatus({ code: api.SpanStatusCode.ERROR });
      span.end();
      const endedAt = now();
      for (const request of requests) request.waitingSince = endedAt;
    },
  };
}

/** Adds a span for the time a lead has waited since it arrived or since its last call. */
function addWait({ api, tracer }: Spans, { span, waitingSince }: OpenRequest, nowMs: number): void {
  if (nowMs - waitingSince < MIN_WAIT_MS || !span.isRecording()) return;
  const context = api.trace.setSpan(api.ROOT_CONTEXT, span);
  const options = { kind: api.SpanKind.INTERNAL, startTime: waitingSince };
  tracer.startSpan('wait', options, context).end(nowMs);
}

function toTrace({ traceId, spanId, traceFlags }: SpanContext, tracestate: string | undefined): Trace {
  return { traceId, traceparent: `00-${traceId}-${spanId}-0${traceFlags & 1}`, tracestate };
}

/** By the semantic conventions for HTTP, without `url.path` and others that may contain personal data. */
function attributesOfRequest({ route, status, problem, caller }: RequestEnd): Attributes {
  const errorType = status === null ? 'caller_left' : problem;
  return {
    ...(route !== null && { 'http.route': route }),
    ...(status !== null && { 'http.response.status_code': status }),
    ...(errorType !== undefined && (status === null || status >= 500) && { 'error.type': errorType }),
    ...(problem !== undefined && { 'lead_gateway.problem': problem }),
    ...(caller !== undefined && { 'lead_gateway.caller': caller }),
  };
}

/** SOAP is an RPC system of its service; an operation of REST is a call or a short series of them by several methods. */
const SOAP = {
  'rpc.system': 'soap',
  'rpc.service': 'MktMktowsApiService',
  'http.request.method': 'POST',
} as const;

function attributesOfStart({ api, operation, leads, server }: StartedCall): Attributes {
  return {
    ...(api === 'soap' && SOAP),
    'rpc.method': operation,
    'lead_gateway.upstream': api,
    'server.address': server.address,
    'server.port': server.port,
    'lead_gateway.leads': leads,
  };
}

function attributesOfCall({ outcome, isError, faultCode, httpStatus }: CallSpanEnd): Attributes {
  return {
    'lead_gateway.outcome': outcome,
    ...(isError && { 'error.type': faultCode === undefined ? outcome : String(faultCode) }),
    ...(faultCode !== undefined && { 'lead_gateway.fault_code': faultCode }),
    ...(httpStatus !== undefined && { 'http.response.status_code': httpStatus }),
  };
}
