import { expect, test } from 'vitest';
import { linesLost, serves, startWithOutput } from '../../test/support/log-output.ts';

test('the gateway keeps running when the reader of its log is gone', async () => {
  const { child, url, stop } = await startWithOutput('pipe');
  child.stdout?.destroy();
  await serves(url, 20);
  await expect.poll(() => linesLost(url)).toBeGreaterThan(0);
  expect(await stop()).toBe(0);
});

test('a reader of the log that does not read delays neither requests nor shutdown', async () => {
  const { child, url, stop } = await startWithOutput('pipe');
  child.stdout?.pause();
  // More than a pipe holds, and what is read ahead on this side of it.
  await serves(url, 1500);
  expect(await linesLost(url)).toBe(0);
  expect(await stop()).toBe(0);
});

test('a slow reader of the log gets all of it, also what is left at the end', async () => {
  const { child, url, stop } = await startWithOutput('pipe');
  child.stdout?.pause();
  await serves(url, 1500);
  const stopped = stop();
  await new Promise((resolve) => setTimeout(resolve, 200));
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  child.stdout?.resume();
  expect(await stopped).toBe(0);
  await expect.poll(() => said.match(/"msg":"request answered"\}\n/g)?.length).toBe(1500);
});
