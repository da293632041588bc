import { describe, expect, test } from 'vitest';
import {
  afterFailure,
  type FailureContext,
  nextDelay,
  parseRetryAfter,
} from '../../src/dispatch/retry-policy.ts';
import type { Failure, RetryAdvice } from '../../src/upstream/outcome.ts';
import { failureOf } from '../support/dispatcher.ts';

const context: FailureContext = {
  attempts: 1,
  wasReauthenticated: false,
  nowMs: 1000,
  wallMs: Date.parse('2026-11-23T12:00:00Z'),
  nextCallMs: 4000,
  msToNextProbe: 3_600_000,
  random: () => 0.5,
};

const advised = (advice: RetryAdvice, retryAfter?: string) => failureOf({ advice, retryAfter });

const step = (failure: Failure, change: Partial<FailureContext> = {}) =>
  afterFailure(failure, { ...context, ...change });

describe('no other attempt follows', () => {
  test('where a retry cannot do better', () => {
    expect(step(advised('never'))).toEqual({ kind: 'give-up', retryAfterMs: undefined });
  });

  test('a spent day, but for the time to midnight', () => {
    expect(step(advised('day-spent'))).toEqual({ kind: 'give-up', retryAfterMs: 3_600_000 });
  });

  test('a second refusal of the timestamp', () => {
    expect(step(advised('reauthenticate'), { wasReauthenticated: true }).kind).toBe('give-up');
  });

  test('after the fifth attempt', () => {
    expect(step(advised('backoff'), { attempts: 5 })).toEqual({ kind: 'give-up', retryAfterMs: undefined });
    expect(step(advised('backoff', '7'), { attempts: 5 })).toEqual({ kind: 'give-up', retryAfterMs: 7000 });
  });
});

describe('another attempt follows', () => {
  test('at once, with a corrected timestamp', () => {
    expect(step(advised('reauthenticate'))).toMatchObject({ kind: 'retry', atMs: 1000 });
  });

  test('at once, after the first connection that broke', () => {
    expect(step(advised('reconnect'))).toMatchObject({ kind: 'retry', atMs: 1000 });
  });

  test('after a pause, once the second one broke as well', () => {
    expect(step(advised('reconnect'), { attempts: 2 })).toMatchObject({ kind: 'retry', atMs: 1200 });
  });

  test('after a pause', () => {
    expect(step(advised('backoff'))).toMatchObject({ kind: 'retry', atMs: 1100, waitsForBudget: false });
  });

  test('not before the upstream asks for it', () => {
    expect(step(advised('backoff', '3'))).toMatchObject({ kind: 'retry', atMs: 4100, retryAfterMs: 3000 });
  });

  test.each(['rate-limited', 'too-many-at-once'] as const)('when the budgets have room: %s', (advice) => {
    expect(step(advised(advice))).toEqual({
      kind: 'retry',
      atMs: 4000,
      waitsForBudget: true,
      retryAfterMs: 3000,
    });
  });
});

const most = () => 0.999_999;
const least = () => 0;

describe('the pause before another attempt', () => {
  test('doubles its ceiling up to a longest pause', () => {
    expect(
      [1, 2, 3].map((attempts) => Math.round(nextDelay('backoff', attempts, undefined, most) ?? -1)),
    ).toEqual([200, 400, 800]);
  });

  test('may be as short as nothing', () => {
    expect(nextDelay('backoff', 3, undefined, least)).toBe(0);
  });

  test('does not follow the last attempt', () => {
    expect(nextDelay('backoff', 5, undefined, most)).toBeUndefined();
    expect(nextDelay('reconnect', 5, undefined, most)).toBeUndefined();
  });

  test('keeps to the time the upstream named, and adds to it', () => {
    expect(nextDelay('backoff', 1, 3000, least)).toBe(3000);
    expect(nextDelay('backoff', 1, 3000, most)).toBeGreaterThan(3100);
  });

  test('is skipped after the first broken connection, and as usual after the next', () => {
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
    ['999999999', 90_000_000],
    ['99999999999999999999', 90_000_000],
    ['Fri, 31 Dec 9999 23:59:59 GMT', 90_000_000],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j is %j ms', (header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected);
  });
});
