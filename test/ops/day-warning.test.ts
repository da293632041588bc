import { expect, test } from 'vitest';
import { systemClock } from '../../src/runtime/clock.ts';
import { startTestGateway } from '../support/gateway.ts';

test('GET /readyz warns while the calls of the day will not last at the demand of the last hour', async () => {
  let laterMs = 0;
  const gateway = await startTestGateway(
    // Nine leads, a call that is refused for its timestamp, and one that is left.
    { MARKETO_DAILY_CALLS: '11' },
    {
      // Noon in Chicago, so that much of the day is left.
      now: () => Date.parse('2026-11-23T12:00:00-06:00') + systemClock.monotonicMs(),
      monotonicMs: () => systemClock.monotonicMs() + laterMs,
    },
  );
  const ready = async () => (await gateway.request('GET', '/readyz')).body;
  expect(await ready()).toEqual({ status: 'ready' });
  for (let nth = 0; nth < 9; nth += 1) {
    expect((await gateway.putLead({ email: `lead${nth}@example.com` })).status).toBe(201);
  }
  laterMs = 2000;
  expect(await ready()).toEqual({
    status: 'ready',
    warnings: [
      "at the demand of the last hour the day's calls to Marketo are used up in 1 minute; then leads are refused until midnight US Central time",
    ],
  });
  // One that goes alone, since another would wait for more to share the last call with.
  await gateway.putLead({ email: 'last@example.com', returnLead: true });
  laterMs = 4000;
  expect((await ready()).warnings).toEqual([
    "the day's calls to Marketo are used up; leads are refused until midnight US Central time",
  ]);
});
