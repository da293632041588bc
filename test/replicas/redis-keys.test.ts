import { expect, test } from 'vitest';
import { createRedisKeys } from '../../src/replicas/shared-state.ts';

const ENDPOINT = 'https://123-abc-456.mktoapi.com/soap/mktows/2_9';
const redisKeys = createRedisKeys(ENDPOINT, 'user', 'a-secret-key');

test('all names of a subscription have one hash tag, and no other subscription has it', () => {
  const all = [...redisKeys.fixed, redisKeys.lock('ejane@example.com'), redisKeys.day(1_700_000_000_000)];
  const [tag] = /\{[0-9a-f]{12}\}/.exec(all[0] ?? '') ?? [];
  for (const name of all) expect(name.startsWith(`lead-gateway:${tag}:`)).toBe(true);
  const others = [createRedisKeys(ENDPOINT, 'other', 'k'), createRedisKeys(`${ENDPOINT}x`, 'user', 'k')];
  for (const { fixed } of others) expect(fixed[0]).not.toContain(tag);
});

test('a lock is named by a keyed hash of 128 bits, the same in every replica', () => {
  const lock = redisKeys.lock('ejane@example.com');
  expect(lock).toMatch(/:lock:[\w-]{22}$/);
  expect(createRedisKeys(ENDPOINT, 'user', 'a-secret-key').lock('ejane@example.com')).toBe(lock);
  expect(createRedisKeys(ENDPOINT, 'user', 'another-key').lock('ejane@example.com')).not.toBe(lock);
  expect(redisKeys.lock('ejoe@example.com')).not.toBe(lock);
});

test('the names hold neither the key nor the user nor the person', () => {
  const all = [...redisKeys.fixed, redisKeys.lock('ejane@example.com')].join(' ');
  expect(all).not.toMatch(/secret|user|jane|mktoapi/);
});

test('a day has one name for clocks that differ a little, and the next day another', () => {
  const midnight = Date.parse('2026-11-24T06:00:00Z');
  expect(redisKeys.day(midnight + 20_000)).toBe(redisKeys.day(midnight - 20_000));
  expect(redisKeys.day(midnight + 23 * 3_600_000)).not.toBe(redisKeys.day(midnight));
});
