import { describe, expect, test } from 'vitest';
import { afterFailure, type FailureContext } from '../../src/dispatch/retry-policy.ts';
import type { Failure, RetryAdvice } from '../../src/upstream/outcome.ts';
import { failureOf } from '../support/failure.ts';

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
  test('where none can do better', () => {
    expect(step(advised('never'))).toEqual({ kind: 'give-up', retryAfterMs: undefined });
  });

  test('a spent day, but for the time to midnight', () => {
    expect(step(advised('day-spent'))).toEqual({ kind: 'give-up', retryAfterMs: 3_600_000 });
  });

  test('a second refusal of the timestamp', () => {
    expect(step(advised('reauthenticate'), { wasReauthenticated: true }).kind).toBe('give-up');
  });

  test('the fifth of any kind that pauses', () => {
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

  test('after a pause, once that has failed as well', () => {
    expect(step(advised('reconnect'), { attempts: 2 })).toMatchObject({ kind: 'retry', atMs: 1200 });
  });

  test('after a pause', () => {
    expect(step(advised('backoff'))).toMatchObject({ kind: 'retry', atMs: 1100, waitsForBudget: false });
  });

  test('no sooner than the upstream asks for', () => {
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
