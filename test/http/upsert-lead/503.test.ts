import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/leads/errors.ts';
import { directoryThat, startApp } from '../../support/app.ts';
import { putLead, problemType } from '../../support/client.ts';

describe('PUT /leads answers 503 unavailable', () => {
  test('with Retry-After when the gateway takes no more leads', async () => {
    const { url } = await startApp({
      directory: directoryThat(() => {
        throw new GatewayError('unavailable', { detail: 'Stopping; try again.', retryAfterSeconds: 4.2 });
      }),
    });
    const answer = await putLead(url, { email: 'jane@example.com' });
    expect(answer.headers['retry-after']).toBe('5');
    expect(answer.json).toMatchObject({ type: problemType('unavailable'), status: 503, retryable: true });
  });
});
