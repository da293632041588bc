import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { withTimeout } from '../../src/runtime/clock.ts';

test('an answer in time is given, a failure as well', async () => {
  await expect(withTimeout(pause(5, 'answer'), 100)).resolves.toBe('answer');
  await expect(withTimeout(Promise.reject(new Error('broken')), 100)).rejects.toThrow('broken');
});

test('no answer in time is a failure', async () => {
  await expect(withTimeout(pause(200), 20)).rejects.toThrow('no answer within 20 ms');
});

test('a process that was busy looks at what has come in before it gives up', async () => {
  // As what a socket brings, the answer is seen in the turn after the timers.
  const answer = new Promise<string>((resolve) => {
    setTimeout(() => setImmediate(() => resolve('answer')), 19);
  });
  const asked = withTimeout(answer, 20);
  for (const until = performance.now() + 60; performance.now() < until;);
  await expect(asked).resolves.toBe('answer');
});
