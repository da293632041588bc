import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { startTestSandbox } from '../support/sandbox.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

/** A port with no listener. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => {
    server.once('listening', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return address !== null && typeof address === 'object' ? address.port : 0;
}

test(
  'with Redis unreachable the gateway starts, keeps to its share of the limits and says so',
  EXHAUSTIVE,
  async () => {
    const sandbox = await startTestSandbox();
    const gateway = await startTestGateway({
      ...sandbox.env,
      REDIS_URL: `redis://:hidden-password@127.0.0.1:${await closedPort()}`,
      REPLICA_SHARE: '0.5',
      MARKETO_MAX_CALLS_PER_20S: '10',
      MARKETO_MAX_CONCURRENT: '4',
      MARKETO_MAX_BATCH: '1',
      // Less than the 20 s after which calls are left again.
      REQUEST_DEADLINE_MS: '10000',
    });
    const answers = await Promise.all(
      Array.from({ length: 7 }, (_, index) => gateway.putLead({ email: `lead${index}@example.com` })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 201, 201, 201, 201, 429, 429]);
    const calls = await sandbox.calls();
    expect(calls).toHaveLength(5);

    const ready = await gateway.request('GET', '/readyz');
    expect(ready.status).toBe(200);
    expect(ready.body).toEqual({
      status: 'ready',
      warnings: ['Redis cannot be reached; this replica keeps to 50 % of the limits'],
    });
    const { text } = await gateway.request('GET', '/metrics');
    expect(text).toMatch(/^lead_gateway_shared_store_up 0$/m);
    expect(text).toMatch(/^lead_gateway_replicas 1$/m);
    expect(text).toMatch(/^lead_gateway_permits_total\{result="alone"\} 5$/m);
    const logs = gateway.logs.join('');
    expect(logs).toContain('Redis cannot be reached');
    expect(logs + text).not.toContain('hidden-password');
  },
);

test('without REDIS_URL replicas are mentioned nowhere', async () => {
  const gateway = await startTestGateway();
  expect((await gateway.putLead({ email: 'a@example.com' })).status).toBe(201);
  expect((await gateway.request('GET', '/readyz')).body).toEqual({ status: 'ready' });
  const { text } = await gateway.request('GET', '/metrics');
  expect(text).not.toMatch(/^lead_gateway_(?:replicas|shared_store|permits_total)/m);
});
