import { connect } from 'node:net';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createMetrics } from '../../src/observability/metrics.ts';
import { fault, success } from '../support/answers.ts';
import { startTestGateway, type TestGateway, upstreamAt } from '../support/gateway.ts';
import { startUpstream } from '../support/upstream.ts';
import { familiesIn } from './metric-families.ts';

const documented = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');

/** Documented, and there only when the configuration asks for what they tell of. */
const CONDITIONAL = new Set([
  'lead_gateway_shared_store_up',
  'lead_gateway_replicas',
  'lead_gateway_outbox_oldest_seconds',
  'lead_gateway_outbox_pending_leads',
  'lead_gateway_outbox_pending_leads_limit',
]);

const metricsOf = async (gateway: TestGateway) => (await gateway.request('GET', '/metrics')).text;

/** A series' value, with all of its labels in the order they are written; undefined when there is no such series. */
function valueOf(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

test('the page of metrics names every metric there is, and no other', async () => {
  const gateway = await startTestGateway();
  const { names } = familiesIn(await metricsOf(gateway));
  const own = [...names].filter((name) => name.startsWith('lead_gateway_'));
  const listed = [...documented.matchAll(/`(lead_gateway_\w+)`/g)].map(([, name = '']) => name);
  expect(listed.filter((name) => !CONDITIONAL.has(name)).toSorted()).toEqual(own.toSorted());
  expect(own.length).toBeGreaterThan(20);
});

test('requests are counted once each, by route, status, problem and caller', async () => {
  const gateway = await startTestGateway();
  await gateway.putLead({ email: 'jane@example.com' });
  await gateway.putLead({ email: 'jane@example.com' });
  await gateway.putLead({ email: 'jane' });
  await gateway.request('DELETE', '/leads');
  await gateway.request('GET', '/problems/not-found?jane');
  await gateway.request('GET', '/leads/jane@example.com');
  const text = await metricsOf(gateway);
  const labels = (route: string, status: number, slug = '', caller = '') =>
    `lead_gateway_requests_total{route="${route}",status="${status}",slug="${slug}",caller="${caller}",kind="${caller}"}`;
  expect(valueOf(text, labels('/leads', 201, '', 'anonymous'))).toBe(1);
  expect(valueOf(text, labels('/leads', 200, '', 'anonymous'))).toBe(1);
  expect(valueOf(text, labels('/leads', 422, 'validation-failed', 'anonymous'))).toBe(1);
  expect(valueOf(text, labels('/leads', 405, 'method-not-allowed'))).toBe(1);
  expect(valueOf(text, labels('/problems/:slug', 200))).toBe(1);
  expect(valueOf(text, labels('unknown', 404, 'not-found'))).toBe(1);
  expect(valueOf(text, 'lead_gateway_request_seconds_count{route="/leads"}')).toBe(4);
  expect(text).not.toContain('jane');
});

test('a caller who leaves before the answer counts as 499', async () => {
  const upstream = await startUpstream((_response, _call) => {});
  const gateway = await startTestGateway({ ...upstreamAt(upstream.endpoint), SHUTDOWN_GRACE_MS: '0' });
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  socket.write(
    'PUT /leads HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"id":1}',
  );
  await expect.poll(() => upstream.calls.length).toBe(1);
  const during = await metricsOf(gateway);
  expect(valueOf(during, 'lead_gateway_calls_running')).toBe(1);
  // The lead, and this request for the metrics.
  expect(valueOf(during, 'lead_gateway_requests_running')).toBe(2);
  expect(valueOf(during, 'lead_gateway_connections')).toBeGreaterThanOrEqual(2);
  socket.destroy();
  await expect
    .poll(() => metricsOf(gateway))
    .toContain('route="/leads",status="499",slug="",caller="anonymous"');
});

test('calls, faults and refused credentials are counted, and an unlisted code is not a label', async () => {
  const replies = [fault(20014, 'no'), fault(99_999, 'what'), success()];
  const upstream = await startUpstream((response, _call, index) => {
    response.setHeader('Content-Type', 'text/xml').end(replies[index]);
  });
  const gateway = await startTestGateway(upstreamAt(upstream.endpoint));
  expect(valueOf(await metricsOf(gateway), 'lead_gateway_ready')).toBe(1);
  await gateway.putLead({ id: 1 });
  const denied = await metricsOf(gateway);
  expect(valueOf(denied, 'lead_gateway_ready')).toBe(0);
  expect(valueOf(denied, 'lead_gateway_upstream_access_denied')).toBe(1);
  await gateway.putLead({ id: 1 });
  await gateway.putLead({ id: 1 });
  const text = await metricsOf(gateway);
  expect(valueOf(text, 'lead_gateway_upstream_faults_total{code="20014",upstream="soap"}')).toBe(1);
  expect(valueOf(text, 'lead_gateway_upstream_faults_total{code="other",upstream="soap"}')).toBe(1);
  const calls = 'lead_gateway_upstream_calls_total{operation="syncLead",outcome=';
  expect(valueOf(text, `${calls}"fault",upstream="soap"}`)).toBe(2);
  expect(valueOf(text, `${calls}"stored",upstream="soap"}`)).toBe(1);
  expect(valueOf(text, 'lead_gateway_day_calls_left')).toBe(9997);
  expect(valueOf(text, 'lead_gateway_upstream_access_denied')).toBe(0);
});

test('the version, the limits and the use of the sandbox are reported', async () => {
  const text = await metricsOf(
    await startTestGateway({ MARKETO_MAX_CONCURRENT: '7', MAX_QUEUED_LEADS: '70' }),
  );
  expect(
    valueOf(text, `lead_gateway_info{version="0.0.0-test",node="${process.version}",upstream="soap"}`),
  ).toBe(1);
  expect(valueOf(text, 'lead_gateway_sandbox')).toBe(1);
  expect(valueOf(text, 'lead_gateway_calls_running_limit')).toBe(7);
  expect(valueOf(text, 'lead_gateway_queue_leads_limit')).toBe(70);
  expect(valueOf(text, 'lead_gateway_breaker_open')).toBe(0);
  expect(valueOf(text, 'lead_gateway_day_reset_seconds')).toBeLessThanOrEqual(25 * 3600);
});

test('an unknown figure is left out until it is known again', async () => {
  const metrics = createMetrics();
  let left: number | null = 1;
  metrics.watch({ dayLeft: () => left });
  expect(await metrics.text()).toContain('\nlead_gateway_day_calls_left 1\n');
  left = null;
  expect(await metrics.text()).not.toContain('\nlead_gateway_day_calls_left ');
  left = 2;
  expect(await metrics.text()).toContain('\nlead_gateway_day_calls_left 2\n');
});
