import { expect, test } from 'vitest';
import { createCredentialWatch } from '../../src/gateway/observed-upstream.ts';
import { failureOf } from '../support/dispatcher.ts';

const denied = failureOf({ error: 'upstream-access-denied' });

test('a refusal of the credentials is a reason until another answer comes or a minute has passed', () => {
  let now = 0;
  const watch = createCredentialWatch(() => now);
  expect(watch.reasons()).toEqual([]);
  watch.observe(denied);
  expect(watch.reasons()).toHaveLength(1);
  watch.observe(failureOf({ how: 'timeout', error: 'upstream-timeout' }));
  expect(watch.reasons()).toHaveLength(1);
  watch.observe(failureOf({ error: 'unknown-attribute' }));
  expect(watch.reasons()).toEqual([]);
  watch.observe(denied);
  now = 60_000;
  expect(watch.reasons()).toEqual([]);
});
