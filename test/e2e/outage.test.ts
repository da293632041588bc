import { expect, test } from 'vitest';
import { problemType } from '../support/client.ts';
import { startTestGateway, upstreamAt } from '../support/gateway.ts';
import { startTestSandbox } from '../support/sandbox.ts';
import { startUpstream } from '../support/upstream.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';
import { portApart } from '../support/port-apart.ts';

// checks/resilience/outage.test.ts kills upstreams under load.

test(
  '50 parallel callers of an upstream that stalls are answered, and no connection stays behind',
  EXHAUSTIVE,
  async () => {
    const upstream = await startUpstream(() => {});
    const gateway = await startTestGateway({
      ...upstreamAt(upstream.endpoint),
      REQUEST_DEADLINE_MS: '1000',
      UPSTREAM_TIMEOUT_MS: '1000',
    });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) => gateway.putLead({ email: `stall${index}@example.com` })),
    );
    for (const { status } of answers) expect([429, 502, 504]).toContain(status);
    expect(answers.map(({ body }) => body.type)).toContainEqual(problemType('upstream-timeout'));
    await expect.poll(() => upstream.sockets.size).toBe(0);
  },
);

test('an upstream that is down at the start is used once it comes up, without a restart', async () => {
  const upstream = await startUpstream(() => {}, await portApart());
  const { port } = upstream;
  await upstream.close();
  const env = (await startTestSandbox()).env;
  const gateway = await startTestGateway({
    ...env,
    MARKETO_SOAP_ENDPOINT: upstream.endpoint,
    REQUEST_DEADLINE_MS: '1000',
  });
  const down = await gateway.putLead({ email: 'a@example.com' });
  expect(down.status).toBe(502);
  expect(down.body).toMatchObject({ type: problemType('upstream-unreachable'), retryable: true });
  await startTestSandbox({ port });
  expect((await gateway.putLead({ email: 'a@example.com' })).status).toBe(201);
});

test('while the upstream is down, callers are told at once and when to retry', async () => {
  const upstream = await startUpstream(() => {}, await portApart());
  await upstream.close();
  let skippedMs = 0;
  const monotonicMs = () => performance.now() + skippedMs;
  // The embedded chance would make pauses.
  const gateway = await startTestGateway(upstreamAt(upstream.endpoint), { monotonicMs, random: () => 0 });
  for (let round = 0; round < 5; round += 1) {
    await Promise.all(
      Array.from({ length: 4 }, (_, index) => gateway.putLead({ email: `x${index}@example.com` })),
    );
    skippedMs += 700;
  }
  const { status, headers, body } = await gateway.putLead({ email: 'y@example.com' });
  expect(status).toBe(502);
  expect(body.type).toEqual(problemType('upstream-unreachable'));
  expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
});
