import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { fault, success } from '../support/answers.ts';
import { startTestGateway, upstreamAt } from '../support/gateway.ts';
import { runMain } from '../support/process.ts';
import { startLoopClock } from '../support/time.ts';
import { startUpstream } from '../support/upstream.ts';
import { type CollectedSpan, startCollector } from './collector.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const SERVER = 2;
const CLIENT = 3;

/** A gateway with these variables in the environment of the process as well, where OpenTelemetry reads them. */
async function start(env: Readonly<Record<string, string>>) {
  const all = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', ...env };
  for (const [name, value] of Object.entries(all)) if (name.startsWith('OTEL_')) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  return startTestGateway(all);
}

const put = (url: string, lead: object, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${url}/leads`, {
    method: 'PUT',
    body: JSON.stringify(lead),
    headers: { 'content-type': 'application/json', ...headers },
  });

const ofKind = (spans: readonly CollectedSpan[], kind: number) => spans.filter((span) => span.kind === kind);

test('a request is a server span in the trace of its caller, and its call a client span below it', async () => {
  const collector = await startCollector();
  const upstream = await startUpstream((response) => {
    response.setHeader('Content-Type', 'text/xml').end(success());
  });
  const { url, close } = await start({
    ...(upstreamAt(upstream.endpoint) as Record<string, string>),
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=acme',
    OTEL_SERVICE_NAME: 'leads',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  });
  const answer = await put(
    url,
    { email: 'jane@example.com', attributes: { FirstName: 'Jane' } },
    { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'rojo=1', 'x-request-id': 'of-jane' },
  );
  expect(answer.status).toBe(200);
  await close();

  const [server] = ofKind(collector.spans, SERVER);
  const [client] = ofKind(collector.spans, CLIENT);
  expect(server).toMatchObject({ name: 'PUT /leads', traceId: TRACE, parentSpanId: PARENT, isError: false });
  expect(server?.attributes).toEqual({
    'http.request.method': 'PUT',
    'http.route': '/leads',
    'http.response.status_code': 200,
    'url.scheme': 'http',
    'lead_gateway.caller': 'anonymous',
  });
  expect(client).toMatchObject({
    name: 'marketo syncLead',
    traceId: TRACE,
    parentSpanId: server?.spanId,
    isError: false,
    links: [],
  });
  expect(client?.attributes).toEqual({
    'http.request.method': 'POST',
    'rpc.system': 'soap',
    'rpc.service': 'MktMktowsApiService',
    'rpc.method': 'syncLead',
    'server.address': '127.0.0.1',
    'server.port': upstream.port,
    'lead_gateway.upstream': 'soap',
    'lead_gateway.leads': 1,
    'lead_gateway.outcome': 'stored',
  });
  expect(answer.headers.get('traceparent')).toBe(`00-${TRACE}-${server?.spanId}-01`);
  expect(upstream.calls[0]?.headers).toMatchObject({
    traceparent: `00-${TRACE}-${client?.spanId}-01`,
    tracestate: 'rojo=1',
  });
  expect(collector.resources[0]).toMatchObject({
    'service.name': 'leads',
    'deployment.environment.name': 'test',
  });
  expect(collector.headers[0]).toMatchObject({ 'x-tenant': 'acme' });
  expect(collector.bodies.join('')).not.toMatch(/jane/i);
});

test(
  'a batch is linked to all of its requests, each of which tells how long it waited',
  EXHAUSTIVE,
  async () => {
    const collector = await startCollector();
    const held: (() => void)[] = [];
    const upstream = await startUpstream(async (response, { headers }, index) => {
      // The others gather behind it.
      if (index === 0) await new Promise<void>((resolve) => void held.push(resolve));
      const isBatch = String(headers['soapaction']).includes('syncMultipleLeads');
      response.setHeader('Content-Type', 'text/xml').end(isBatch ? fault(20019) : success());
    });
    const { url, close } = await start({
      ...(upstreamAt(upstream.endpoint) as Record<string, string>),
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.endpoint}/v1/traces`,
      MARKETO_MAX_CONCURRENT: '1',
    });
    const first = put(url, { id: 1 });
    await expect.poll(() => upstream.calls.length).toBe(1);
    const waiting = Promise.all(Array.from({ length: 200 }, (_, index) => put(url, { id: index + 2 })));
    await expect
      .poll(async () => (await fetch(`${url}/metrics`)).text())
      .toMatch(/^lead_gateway_queue_leads 200$/m);
    held[0]?.();
    expect((await first).status).toBe(200);
    const others = await waiting;
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set([502]));
    await close();

    const servers = ofKind(collector.spans, SERVER).filter(({ name }) => name === 'PUT /leads');
    const batch = collector.spans.find(({ name }) => name === 'marketo syncMultipleLeads');
    expect(servers).toHaveLength(201);
    expect(batch?.attributes).toMatchObject({
      'lead_gateway.leads': 200,
      'lead_gateway.outcome': 'fault',
      'lead_gateway.fault_code': 20019,
      'error.type': '20019',
    });
    expect(batch?.isError).toBe(true);
    const failed = servers.filter(({ isError }) => isError);
    expect(new Set(batch?.links)).toEqual(new Set(failed.map(({ spanId }) => spanId)));
    expect(failed.map(({ spanId }) => spanId)).toContain(batch?.parentSpanId);
    expect(failed[0]?.attributes).toMatchObject({
      'http.response.status_code': 502,
      'error.type': 'upstream-error',
      'lead_gateway.problem': 'upstream-error',
    });
    const links = new Set(batch?.links);
    const waits = collector.spans.filter(
      ({ name, parentSpanId = '' }) => name === 'wait' && links.has(parentSpanId),
    );
    expect(new Set(waits.map(({ parentSpanId }) => parentSpanId))).toEqual(links);
    for (const { startMs, endMs } of waits) expect(endMs - startMs).toBeGreaterThan(1);
  },
);

test('a mistake of the caller is not an error of the gateway, and an unknown path is not recorded', async () => {
  const collector = await startCollector();
  const { url, close } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
  await put(url, { email: 'jane' });
  await fetch(`${url}/leads/jane@example.com?name=jane`, { headers: { 'user-agent': 'jane' } });
  await close();
  const [refused, unknown] = ofKind(collector.spans, SERVER);
  expect(refused).toMatchObject({ name: 'PUT /leads', isError: false });
  expect(refused?.attributes).toMatchObject({ 'lead_gateway.problem': 'validation-failed' });
  expect(unknown).toMatchObject({ name: 'GET', isError: false, parentSpanId: undefined });
  expect(collector.bodies.join('')).not.toMatch(/jane/i);
});

test('requests whose caller does not record them are not recorded, and their trace goes on', async () => {
  const collector = await startCollector();
  const { url, close } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
  const answer = await fetch(`${url}/problems/forbidden`, {
    headers: { traceparent: `00-${TRACE}-${PARENT}-00` },
  });
  expect(answer.headers.get('traceparent')).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  await close();
  expect(collector.spans).toEqual([]);
});

test('probes and scrapes are no spans', async () => {
  const collector = await startCollector();
  const { url, close } = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
  for (const path of ['/healthz', '/readyz', '/metrics', '/'])
    await fetch(`${url}${path}`, { redirect: 'manual' });
  await close();
  expect(collector.spans.map(({ name }) => name)).toEqual(['GET /']);
});

test.each(['always_off', 'traceidratio'])('OTEL_TRACES_SAMPLER=%s is obeyed', async (sampler) => {
  const collector = await startCollector();
  const { url, close } = await start({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_TRACES_SAMPLER: sampler,
    OTEL_TRACES_SAMPLER_ARG: '0',
  });
  await fetch(`${url}/problems/forbidden`, { headers: { traceparent: `00-${TRACE}-${PARENT}-01` } });
  await close();
  expect(collector.bodies).toEqual([]);
});

test('without a protocol traces are sent as http/protobuf', async () => {
  const collector = await startCollector();
  const { url, close } = await start({
    OTEL_TRACES_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: '',
  });
  await fetch(`${url}/problems/forbidden`);
  await close();
  expect(collector.headers[0]).toMatchObject({ 'content-type': 'application/x-protobuf' });
  expect(collector.bodies[0]).toContain('GET /problems/:slug');
});

test('a package that is not installed ends the start, with its name', EXHAUSTIVE, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'traces-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  // As if it was not there: Node itself finds that out, and says so.
  const absent = "s === '@opentelemetry/resources' ? '@opentelemetry/not-here' : s";
  const hooks = `export const resolve = (s, context, next) => next(${absent}, context);`;
  writeFileSync(join(folder, 'hooks.mjs'), hooks);
  writeFileSync(
    join(folder, 'register.mjs'),
    "import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);",
  );
  const run = runMain([], {
    NODE_OPTIONS: `--import ${pathToFileURL(join(folder, 'register.mjs')).href}`,
    PORT: '0',
    SANDBOX_PORT: '0',
    OTEL_TRACES_EXPORTER: 'otlp',
  });
  expect(await run.ended).toBe(1);
  expect(run.output().stderr).toContain('npm install @opentelemetry/not-here, or set OTEL_SDK_DISABLED=true');
  expect(run.output().stderr).not.toMatch(/^\s+at /m);
});

test('OpenTelemetry is not loaded unless traces are asked for', EXHAUSTIVE, async () => {
  const run = runMain([], {
    NODE_DEBUG: 'esm',
    PORT: '0',
    SANDBOX_PORT: '0',
    OTEL_SERVICE_NAME: 'leads',
  });
  await run.waitFor(/listens on/);
  // What is loaded is listed at all.
  expect(run.output().stderr).toContain('dist/bundle/');
  expect(run.output().stderr).not.toContain('node_modules/@opentelemetry');
});

test('an unreachable collector is logged and does not delay shutdown', async () => {
  const collector = await startCollector();
  collector.close();
  const { url, close, logs } = await start({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_BSP_SCHEDULE_DELAY: '10',
    OTEL_EXPORTER_OTLP_TIMEOUT: '200',
  });
  for (let count = 0; count < 5; count += 1) {
    expect((await fetch(`${url}/problems/forbidden`)).status).toBe(200);
  }
  await expect.poll(() => logs.join('')).toContain('traces cannot be sent');
  const loopMs = startLoopClock();
  await close();
  expect(loopMs()).toBeLessThan(4000);
});
