import { describe, expect, test } from 'vitest';
import { fault } from '../../support/answers.ts';
import { putLead, problemType } from '../../support/client.ts';
import { startTestGateway, upstreamAt } from '../../support/gateway.ts';
import { startUpstream, type Behaviour } from '../../support/upstream.ts';

const faulty =
  (code: number): Behaviour =>
  (response) => {
    response.writeHead(500, { 'content-type': 'text/xml' }).end(fault(code));
  };

describe('PUT /leads answers 502', () => {
  test.each<[string, boolean, Behaviour]>([
    ['upstream-error', false, faulty(20012)],
    ['upstream-error', true, faulty(20011)],
    ['upstream-access-denied', false, faulty(20014)],
    ['upstream-clock-skew', false, faulty(20016)],
    ['upstream-bad-response', false, (response) => void response.end('<html><body>Welcome</body></html>')],
    ['upstream-unreachable', true, (response) => void response.destroy()],
  ])('%s (retryable: %s)', async (slug, retryable, behave) => {
    const upstream = await startUpstream(behave);
    const { url, logs } = await startTestGateway({
      ...upstreamAt(upstream.endpoint),
      REQUEST_DEADLINE_MS: '1500',
    });
    const answer = await putLead(url, { email: 'jane@example.com' });
    expect(answer.status).toBe(502);
    expect(answer.json).toMatchObject({ type: problemType(slug), retryable });
    const warnings = logs.map((line) => JSON.parse(line)).filter(({ level }) => level === 'warn');
    expect(warnings).toContainEqual(
      expect.objectContaining({ msg: 'request failed upstream', problem: slug }),
    );
  });
});
