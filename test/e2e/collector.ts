import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

type Value = { stringValue?: string; intValue?: number; boolValue?: boolean; doubleValue?: number };
type KeyValue = { key: string; value: Value };

/** A span as OTLP has it, with its attributes as an object. */
export type CollectedSpan = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  /** 1: internal, 2: server, 3: client. */
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly string[];
};

/** A collector of traces that speaks OTLP/HTTP in JSON (OpenTelemetry Protocol, "OTLP/HTTP"); gone when the test ends. */
export async function startCollector() {
  const spans: CollectedSpan[] = [];
  const resources: Record<string, unknown>[] = [];
  const bodies: string[] = [];
  const headers: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      headers.push(request.headers);
      bodies.push(body);
      if (request.headers['content-type'] === 'application/json') {
        for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
          resources.push(objectOf(resource.attributes));
          for (const scope of scopeSpans) spans.push(...scope.spans.map(spanOf));
        }
      }
      response.setHeader('Content-Type', 'application/json').end('{}');
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  onTestFinished(close);
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}`, spans, resources, bodies, headers, close };
}

function spanOf(span: any): CollectedSpan {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId || undefined,
    name: span.name,
    kind: span.kind,
    startMs: Number(span.startTimeUnixNano) / 1e6,
    endMs: Number(span.endTimeUnixNano) / 1e6,
    isError: span.status?.code === 2,
    attributes: objectOf(span.attributes),
    links: (span.links ?? []).map((link: { spanId: string }) => link.spanId),
  };
}

function objectOf(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
