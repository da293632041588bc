import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { checkRedis } from '../../../src/cli/doctor/doctor.ts';
import { runCommand } from '../../support/process.ts';
import { startTestSandbox } from '../../support/sandbox.ts';
import { EXHAUSTIVE } from '../../support/exhaustive.ts';

/** The command looks every 50 ms for three seconds: here it looks as often in a fraction of the time. */
function hurry(): void {
  const { setTimeout } = timers;
  const spy = vi.spyOn(timers, 'setTimeout').mockImplementation(async (_ms, value) => setTimeout(1, value));
  syncBuiltinESMExports();
  onTestFinished(() => {
    spy.mockRestore();
    syncBuiltinESMExports();
  });
}

// What a server says is checked where there is one: checks/redis/shared-state.mjs.
test('names a Redis that does not answer, without its URL', async () => {
  hurry();
  const finding = await checkRedis({
    redisUrl: { reveal: () => 'redis://:hidden-password@127.0.0.1:1' },
    share: 0.5,
  });
  expect(finding).toMatchObject({ state: 'fault', subject: 'Redis' });
  expect(finding.message).toMatch(/ECONNREFUSED.*REDIS_URL/);
  expect(finding.message).not.toContain('hidden');
});

test(
  'the command doctor looks at Redis as well, and ends with 1 when it is not there',
  EXHAUSTIVE,
  async () => {
    hurry();
    const sandbox = await startTestSandbox();
    const { exitCode, stdout } = await runCommand(['doctor'], {
      ...(sandbox.env as Record<string, string>),
      REDIS_URL: 'redis://127.0.0.1:1',
    });
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^fault +Redis: /m);
  },
);
