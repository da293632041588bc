import { describe, expect, test } from 'vitest';
import { fault } from '../../support/answers.ts';
import { putLead, problemType } from '../../support/client.ts';
import { startTestGateway, upstreamAt } from '../../support/gateway.ts';
import { startQuickClock } from '../../support/virtual-clock.ts';
import { startUpstream } from '../../support/upstream.ts';

describe('PUT /leads answers 429 with Retry-After', () => {
  test.each([
    ['daily-quota-exhausted', 20015],
    ['upstream-busy', 20023],
    ['upstream-busy', 20024],
  ])('%s when the upstream says %d', async (slug, code) => {
    const upstream = await startUpstream((response) => {
      response.writeHead(500, { 'content-type': 'text/xml' }).end(fault(code));
    });
    const env = { ...upstreamAt(upstream.endpoint), REQUEST_DEADLINE_MS: '5000' };
    const { url } = await startTestGateway(env, startQuickClock());
    const answer = await putLead(url, { email: 'jane@example.com' });
    expect(answer.status).toBe(429);
    expect(answer.json).toMatchObject({ type: problemType(slug), retryable: true, upstream: { code } });
    expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
  });
});
