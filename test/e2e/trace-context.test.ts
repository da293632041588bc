import { expect, test } from 'vitest';
import { success } from '../support/answers.ts';
import { startTestGateway, upstreamAt } from '../support/gateway.ts';
import { startUpstream } from '../support/upstream.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;

test('the upstream is told the request id and the trace of the request, and the log has both', async () => {
  const upstream = await startUpstream((response) => {
    response.setHeader('Content-Type', 'text/xml').end(success());
  });
  const gateway = await startTestGateway(upstreamAt(upstream.endpoint));
  const headers = { traceparent, tracestate: 'rojo=1, congo=2', 'x-request-id': 'mine' };
  const answer = await gateway.putLead({ email: 'a@b.c' }, { headers });
  expect(answer.status).toBe(200);
  expect(upstream.calls[0]?.headers).toMatchObject({
    'x-request-id': 'mine',
    traceparent: answer.headers.get('traceparent'),
    tracestate: 'rojo=1,congo=2',
  });
  expect(answer.headers.get('traceparent')).not.toBe(traceparent);
  expect(gateway.logs.join('')).toContain(`"requestId":"mine","traceId":"${TRACE}"`);
});

test('leads that share a call tell the trace of the oldest', async () => {
  const waiting: (() => void)[] = [];
  const upstream = await startUpstream(async (response, { headers }, index) => {
    if (index === 0) await new Promise<void>((resolve) => void waiting.push(resolve));
    const many = String(headers['soapaction']).includes('syncMultipleLeads');
    response.setHeader('Content-Type', 'text/xml').end(many ? 'no answer' : success());
  });
  const gateway = await startTestGateway({ ...upstreamAt(upstream.endpoint), MARKETO_MAX_CONCURRENT: '1' });
  const put = (name: string) =>
    gateway.putLead({ email: `${name}@b.c` }, { headers: { 'x-request-id': name } });
  const first = put('first');
  await expect.poll(() => waiting.length).toBe(1);
  const second = put('second');
  await expect
    .poll(async () => (await gateway.request('GET', '/metrics')).text)
    .toMatch(/^lead_gateway_queue_leads 1$/m);
  const third = put('third');
  await expect
    .poll(async () => (await gateway.request('GET', '/metrics')).text)
    .toMatch(/^lead_gateway_queue_leads 2$/m);
  waiting[0]?.();
  const [, oldest] = await Promise.all([first, second, third]);
  expect(upstream.calls[1]?.headers).toMatchObject({
    soapaction: '"http://www.marketo.com/mktows/syncMultipleLeads"',
    'x-request-id': 'second',
    traceparent: oldest.headers.get('traceparent'),
  });
});
