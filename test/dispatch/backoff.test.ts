import { describe, expect, test } from 'vitest';
import { nextDelay, parseRetryAfter } from '../../src/dispatch/retry-policy.ts';

const most = () => 0.999_999;
const least = () => 0;

describe('the pause before another attempt', () => {
  test('doubles its ceiling up to a longest pause', () => {
    expect(
      [1, 2, 3].map((attempts) => Math.round(nextDelay('backoff', attempts, undefined, most) ?? -1)),
    ).toEqual([200, 400, 800]);
  });

  test('may be anything from zero on', () => {
    expect(nextDelay('backoff', 3, undefined, least)).toBe(0);
  });

  test('is none after the last attempt', () => {
    expect(nextDelay('backoff', 5, undefined, most)).toBeUndefined();
    expect(nextDelay('reconnect', 5, undefined, most)).toBeUndefined();
  });

  test('keeps to the time the upstream named, and adds to it', () => {
    expect(nextDelay('backoff', 1, 3000, least)).toBe(3000);
    expect(nextDelay('backoff', 1, 3000, most)).toBeGreaterThan(3100);
  });

  test('is nothing after the first broken connection, and as usual after the next', () => {
    expect(nextDelay('reconnect', 1, undefined, most)).toBe(0);
    expect(Math.round(nextDelay('reconnect', 2, undefined, most) ?? -1)).toBe(400);
  });
});

describe('a Retry-After header', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');

  test.each([
    ['120', 120_000],
    [' 5 ', 5000],
    ['0', 0],
    ['Mon, 23 Nov 2026 12:00:30 GMT', 30_000],
    ['Mon, 23 Nov 2026 11:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j is %j ms', (header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected);
  });
});
