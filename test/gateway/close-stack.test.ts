import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createCloseStack } from '../../src/gateway/shutdown.ts';

function start() {
  const logged: unknown[] = [];
  const closed: string[] = [];
  const stack = createCloseStack({ error: (fields) => void logged.push(fields) });
  return { stack, logged, closed };
}

test('what was started last is closed first, one after the other', async () => {
  const { stack, closed } = start();
  stack.onClose(() => closed.push('first'));
  stack.onClose(async () => {
    await pause(5);
    closed.push('second');
  });
  await stack.close();
  expect(closed).toEqual(['second', 'first']);
});

test('an error is logged and the rest is closed all the same', async () => {
  const { stack, logged, closed } = start();
  const errors = [new Error('at once'), new Error('later')];
  stack.onClose(() => closed.push('first'));
  stack.onClose(() => {
    throw errors[0];
  });
  stack.onClose(() => Promise.reject(errors[1]));
  await stack.close();
  expect(closed).toEqual(['first']);
  expect(logged).toEqual([{ err: errors[1] }, { err: errors[0] }]);
});

test('closing twice closes once, and both wait for the end', async () => {
  const { stack, closed } = start();
  stack.onClose(async () => {
    await pause(5);
    closed.push('only');
  });
  const first = stack.close();
  await stack.close();
  expect(closed).toEqual(['only']);
  await first;
});
