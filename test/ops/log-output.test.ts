import { closeSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ENV, linesLost, serves, startWithOutput } from '../support/log-output.ts';
import { runMain } from '../support/process.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

// checks/resilience/log-output.test.ts has readers that stop, are slow or are gone.

test('a full disk loses lines and nothing else', EXHAUSTIVE, async () => {
  const full = openSync('/dev/full', 'w');
  const { url, stop } = await startWithOutput(full);
  closeSync(full);
  await serves(url, 20);
  await expect.poll(() => linesLost(url)).toBeGreaterThanOrEqual(20);
  expect(await stop()).toBe(0);
});

test('the last line is there when the process has ended', async () => {
  const run = runMain([], ENV);
  const [, url = ''] = await run.waitFor(/listens on (http:\S+)/);
  await serves(url, 1);
  run.child.kill('SIGTERM');
  expect(await run.ended).toBe(0);
  const lines = run.output().stdout.trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['request answered']);
});
