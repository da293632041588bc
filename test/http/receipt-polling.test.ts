import { expect, test } from 'vitest';
import { secondsToNextLook } from '../../src/http/leads/receipts.ts';

const SECOND = 1000;
const HOUR = 3_600_000;

test.each<[string, number, number, number]>([
  ['just accepted', 0, 0, 1],
  ['due since 15 s', 15 * SECOND, 0, 2],
  ['due since 5 min', 300 * SECOND, 0, 30],
  ['due since a day', 24 * HOUR, 0, 60],
  ['due in half a second', 10 * SECOND, 10_500, 1],
  ['due in 90 s', 10 * SECOND, 100 * SECOND, 90],
  ['due at midnight', HOUR, 12 * HOUR, 600],
])(
  'a lead that is %s is looked up again in time (now %i, due %i, after %i s)',
  (_what, now, nextAttemptAt, seconds) => {
    expect(secondsToNextLook({ acceptedAt: 0, nextAttemptAt }, now)).toBe(seconds);
  },
);
