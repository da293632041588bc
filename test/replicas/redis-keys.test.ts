import { expect, test } from 'vitest';
import { createRedisKeys } from '../../src/replicas/shared-state.ts';

const ENDPOINT = 'https://123-abc-456.mktoapi.com/soap/mktows/2_9';
const names = createRedisKeys(ENDPOINT, 'user', 'a-secret-key');

test('all names of a subscription have one hash tag, and no other subscription has it', () => {
  const all = [...names.fixed, names.lane('ejane@example.com'), names.day(1_700_000_000_000)];
  const [tag] = /\{[0-9a-f]{12}\}/.exec(all[0] ?? '') ?? [];
  for (const name of all) expect(name.startsWith(`lead-gateway:${tag}:`)).toBe(true);
  const others = [createRedisKeys(ENDPOINT, 'other', 'k'), createRedisKeys(`${ENDPOINT}x`, 'user', 'k')];
  for (const { fixed } of others) expect(fixed[0]).not.toContain(tag);
});

test('a lane is named by a keyed hash of 128 bits, the same in every replica', () => {
  const lane = names.lane('ejane@example.com');
  expect(lane).toMatch(/:lane:[\w-]{22}$/);
  expect(createRedisKeys(ENDPOINT, 'user', 'a-secret-key').lane('ejane@example.com')).toBe(lane);
  expect(createRedisKeys(ENDPOINT, 'user', 'another-key').lane('ejane@example.com')).not.toBe(lane);
  expect(names.lane('ejoe@example.com')).not.toBe(lane);
});

test('the names hold neither the key nor the user nor the person', () => {
  const all = [...names.fixed, names.lane('ejane@example.com')].join(' ');
  expect(all).not.toMatch(/secret|user|jane|mktoapi/);
});

test('a day is the same for clocks that differ a little, and never the next one', () => {
  const midnight = Date.parse('2026-11-24T06:00:00Z');
  expect(names.day(midnight + 20_000)).toBe(names.day(midnight - 20_000));
  expect(names.day(midnight + 23 * 3_600_000)).not.toBe(names.day(midnight));
});
