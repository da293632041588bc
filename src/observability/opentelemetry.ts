import type { Attributes, Context, Span, SpanContext } from '@opentelemetry/api';
import type { ParentTrace, Trace } from '../leads/lead.ts';
import { createProvider, load, type ProviderDeps } from './opentelemetry-provider.ts';
import type { CallSpanEnd, RequestEnd, Tracing, TracingSettings } from './tracing.ts';

export type TracingDeps = ProviderDeps & {
  /** The time of day, in ms since 1970. */
  readonly now: () => number;
};

/** Methods that may name a span (OpenTelemetry semantic conventions, HTTP spans). */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

/** A shorter wait is the way through the gateway, and no span of its own. */
const MIN_WAIT_MS = 1;

/** A request's span while calls may be made for it. */
type Begun = { readonly span: Span; waitingSince: number };

/**
 * Traces by OpenTelemetry's packages, which are loaded for that and for nothing else. Rejects when one of them is not installed,
 * and says which.
 */
export async function startOpenTelemetry(settings: TracingSettings, deps: TracingDeps): Promise<Tracing> {
  const api = await load(() => import('@opentelemetry/api'));
  const provider = await createProvider(settings, deps);
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace: traceApi, createTraceState } = api;
  const tracer = provider.getTracer('lead-gateway', deps.version);
  const begun = new WeakMap<Trace, Begun>();

  const contextOf = (parent: ParentTrace | undefined): Context =>
    parent === undefined
      ? ROOT_CONTEXT
      : traceApi.setSpanContext(ROOT_CONTEXT, {
          traceId: parent.traceId,
          spanId: parent.spanId,
          traceFlags: parent.isSampled ? 1 : 0,
          isRemote: true,
          ...(parent.tracestate !== undefined && { traceState: createTraceState(parent.tracestate) }),
        });

  /** What a lead waited since it came or since its last call. */
  const endWait = ({ span, waitingSince }: Begun, now: number) => {
    if (now - waitingSince < MIN_WAIT_MS || !span.isRecording()) return;
    const context = traceApi.setSpan(ROOT_CONTEXT, span);
    tracer.startSpan('wait', { kind: SpanKind.INTERNAL, startTime: waitingSince }, context).end(now);
  };

  return {
    startRequest(method, parent) {
      const known = METHODS.has(method) ? method : '_OTHER';
      const attributes = { 'http.request.method': known, 'url.scheme': 'http' };
      const span = tracer.startSpan(known, { kind: SpanKind.SERVER, attributes }, contextOf(parent));
      const trace = toTrace(span.spanContext(), parent?.tracestate);
      begun.set(trace, { span, waitingSince: deps.now() });
      return {
        trace,
        end(end) {
          if (end.route !== null) span.updateName(`${known === '_OTHER' ? 'HTTP' : known} ${end.route}`);
          span.setAttributes(attributesOfRequest(end));
          // A mistake of the caller's is none of the server's (semantic conventions, HTTP spans, "Status").
          if (end.status !== null && end.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      };
    },

    startCall({ operation, leads, server }, origins) {
      const now = deps.now();
      const requests = origins.flatMap(({ trace }) => begun.get(trace) ?? []);
      for (const request of requests) endWait(request, now);
      const [oldest] = requests;
      const span = tracer.startSpan(
        `marketo ${operation}`,
        {
          kind: SpanKind.CLIENT,
          attributes: {
            'rpc.system': 'soap',
            'rpc.service': 'MktMktowsApiService',
            'rpc.method': operation,
            'http.request.method': 'POST',
            'server.address': server.address,
            'server.port': server.port,
            'lead_gateway.leads': leads,
          },
          // One request is the parent; several are that to none alike.
          links: requests.length > 1 ? requests.map((one) => ({ context: one.span.spanContext() })) : [],
        },
        oldest === undefined ? ROOT_CONTEXT : traceApi.setSpan(ROOT_CONTEXT, oldest.span),
      );
      return {
        trace: toTrace(span.spanContext(), origins[0]?.trace.tracestate),
        end(end) {
          span.setAttributes(attributesOfCall(end));
          if (end.isError) span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
          const endedAt = deps.now();
          for (const request of requests) request.waitingSince = endedAt;
        },
      };
    },

    async close(timeoutMs) {
      let timer: NodeJS.Timeout | undefined;
      const tooLate = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeoutMs);
      });
      await Promise.race([provider.shutdown().catch(() => {}), tooLate]);
      clearTimeout(timer);
    },
  };
}

function toTrace({ traceId, spanId, traceFlags }: SpanContext, tracestate: string | undefined): Trace {
  return { traceId, traceparent: `00-${traceId}-${spanId}-0${traceFlags & 1}`, tracestate };
}

/** By the semantic conventions for HTTP, but for `url.path` and all else that may hold personal data. */
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

function attributesOfCall({ outcome, isError, faultCode, httpStatus }: CallSpanEnd): Attributes {
  return {
    'lead_gateway.outcome': outcome,
    ...(isError && { 'error.type': faultCode === undefined ? outcome : String(faultCode) }),
    ...(faultCode !== undefined && { 'lead_gateway.fault_code': faultCode }),
    ...(httpStatus !== undefined && { 'http.response.status_code': httpStatus }),
  };
}
