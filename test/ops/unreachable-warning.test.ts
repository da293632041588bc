import { expect, test } from 'vitest';
import { systemClock } from '../../src/runtime/clock.ts';
import { startTestGateway, upstreamAt } from '../support/gateway.ts';

test('GET /readyz warns while Marketo cannot be reached', async () => {
  let laterMs = 0;
  const gateway = await startTestGateway(
    { ...upstreamAt('http://127.0.0.1:1/soap/mktows/2_9'), REQUEST_DEADLINE_MS: '1500' },
    { monotonicMs: () => systemClock.monotonicMs() + laterMs },
  );
  const put = async (nth: number) => (await gateway.putLead({ email: `lead${nth}@example.com` })).status;
  expect(await put(0)).toBe(502);
  expect((await gateway.request('GET', '/readyz')).body).toEqual({ status: 'ready' });
  // The circuit opens after five failures over two seconds.
  laterMs = 3000;
  await Promise.all([1, 2, 3, 4, 5].map(put));
  expect((await gateway.request('GET', '/readyz')).body).toEqual({
    status: 'ready',
    warnings: ['Marketo cannot be reached (the circuit breaker is open)'],
  });
});
