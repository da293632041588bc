import { describe, expect, test } from 'vitest';
import { putLead, problemType } from '../../support/client.ts';
import { startTestGateway, upstreamAt } from '../../support/gateway.ts';
import { startUpstream } from '../../support/upstream.ts';

describe('PUT /leads answers 504 upstream-timeout', () => {
  test('when the upstream says nothing before the deadline', async () => {
    const upstream = await startUpstream(() => undefined);
    const { url } = await startTestGateway({ ...upstreamAt(upstream.endpoint), REQUEST_DEADLINE_MS: '300' });
    const answer = await putLead(url, { email: 'jane@example.com' });
    expect(answer.status).toBe(504);
    expect(answer.json).toMatchObject({ type: problemType('upstream-timeout'), retryable: true });
  });
});
