import { expect, test } from 'vitest';
import { fault } from '../support/answers.ts';
import { putLead } from '../support/client.ts';
import { startTestGateway, upstreamAt } from '../support/gateway.ts';
import { type Behaviour, startUpstream } from '../support/upstream.ts';

const faulty =
  (code: number): Behaviour =>
  (response) => {
    response.writeHead(500, { 'content-type': 'text/xml' }).end(fault(code));
  };

const page =
  (status: number): Behaviour =>
  (response) => {
    response.writeHead(status, { 'content-type': 'text/html' }).end('<html>Service Unavailable</html>');
  };

const warningsFor = async (behave: Behaviour) => {
  const upstream = await startUpstream(behave);
  const { url, logs } = await startTestGateway({
    ...upstreamAt(upstream.endpoint),
    REQUEST_DEADLINE_MS: '1500',
  });
  const { status } = await putLead(url, { email: 'jane@example.com' });
  const warnings = logs
    .map((line) => JSON.parse(line))
    .filter(({ msg }) => msg === 'request failed upstream');
  return { status, warnings };
};

test.each<[string, Behaviour, number, object]>([
  ['credentials', faulty(20014), 502, { problem: 'upstream-access-denied', upstreamCode: 20014 }],
  ['an error', faulty(20011), 502, { problem: 'upstream-error', upstreamCode: 20011 }],
  ['the day', faulty(20015), 429, { problem: 'daily-quota-exhausted', upstreamCode: 20015 }],
  ['the rate', faulty(20023), 429, { problem: 'upstream-busy', upstreamCode: 20023 }],
  ['a page', page(503), 502, { problem: 'upstream-bad-response', upstreamStatus: 503 }],
])('the log has what Marketo refuses a call with: %s', async (_what, behave, expected, fields) => {
  const { status, warnings } = await warningsFor(behave);
  expect(status).toBe(expected);
  expect(warnings).toEqual([expect.objectContaining({ level: 'warn', ...fields })]);
});

test('what Marketo refuses a lead for is its sender’s, and makes no entry', async () => {
  const { status, warnings } = await warningsFor(faulty(20103));
  expect([status, warnings]).toEqual([404, []]);
});
