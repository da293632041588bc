import { expect, test } from 'vitest';
import { runCommand } from '../support/process.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

test('simulate prints a table for the rates given', EXHAUSTIVE, async () => {
  const { exitCode, stdout, stderr } = await runCommand(
    ['simulate', '--rate', '0.05,1', '--single', '0.01', '--even'],
    { MARKETO_DAILY_CALLS: '8000' },
  );
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  const [title, , head, low, high] = stdout.split('\n');
  expect(title).toBe(
    '8,000 calls a day, leads from 00:00 to 24:00 US Central time, beside 0.01 a second that can only go alone',
  );
  expect(head).toMatch(/^leads\/s .* longest +with hindsight +day ends$/);
  expect(low).toMatch(/^ +0\.05 +5,18\d +0 +5,18\d +0 +0 +0 +0 +–$/);
  expect(high).toMatch(/^ +1 +87,26\d +\d+ +[78],\d{3} +\d\.\d s +\d+\.\d s +\d+\.\d s/);
});

test('simulate --json gives the figures to programs', async () => {
  const { stdout } = await runCommand(['simulate', '--rate', '2', '--from', '9', '--to', '10', '--json']);
  expect(JSON.parse(stdout)).toEqual([
    expect.objectContaining({
      leadsPerSecond: 2,
      result: expect.objectContaining({ refused: { batchable: 0, single: 0 }, endedAtMs: null }),
    }),
  ]);
});

test.each([
  [['--rate', 'many'], '--rate must be a number, not many.'],
  [['--calls-per-day', '0'], '--calls-per-day must be a whole number above 0, not 0.'],
  [['--from', '9', '--to', '8'], '--from must be before --to, and --to at most 24.'],
  [['--rate', '1000'], 'These are more than 20 million leads.'],
])('simulate %j is refused', async (args, complaint) => {
  const { exitCode, stderr } = await runCommand(['simulate', ...args]);
  expect(exitCode).toBe(64);
  expect(stderr).toContain(complaint);
});
