import { expect, test } from 'vitest';
import type { ErrorCode } from '../../src/leads/errors.ts';
import { type Attempt, verdictOn } from '../../src/outbox/attempt-verdict.ts';

const attempt = (code: ErrorCode, members: Partial<Attempt> = {}, retryable?: boolean): Attempt => ({
  error: { code, retryable, retryAfterSeconds: undefined },
  failedBefore: 0,
  failedInRow: 0,
  ageMs: 0,
  maxAgeMs: 1000,
  isItsOwn: false,
  random: () => 0.5,
  ...members,
});

test.each<[ErrorCode, ReturnType<typeof verdictOn>]>([
  ['lead-rejected', { kind: 'failed' }],
  ['lead-not-found', { kind: 'failed' }],
  ['unknown-attribute', { kind: 'failed' }],
  ['validation-failed', { kind: 'failed' }],
  ['upstream-unreachable', { kind: 'retry', afterMs: 500, pausesAll: true }],
  ['upstream-timeout', { kind: 'retry', afterMs: 500, pausesAll: true }],
  ['upstream-busy', { kind: 'retry', afterMs: 500, pausesAll: true }],
  ['upstream-bad-response', { kind: 'retry', afterMs: 500, pausesAll: true }],
  ['daily-quota-exhausted', { kind: 'retry', afterMs: 500, pausesAll: true }],
  ['upstream-access-denied', { kind: 'retry', afterMs: 60_000, pausesAll: true }],
  ['upstream-clock-skew', { kind: 'retry', afterMs: 60_000, pausesAll: true }],
  ['internal-error', { kind: 'retry', afterMs: 500, pausesAll: false }],
  ['unavailable', { kind: 'stopped' }],
])('after %s', (code, verdict) => {
  expect(verdictOn(attempt(code))).toEqual(verdict);
});

test('what the upstream does not understand is not sent again; an internal error of it is', () => {
  expect(verdictOn(attempt('upstream-error'))).toEqual({ kind: 'failed' });
  expect(verdictOn(attempt('upstream-error', {}, false))).toEqual({ kind: 'failed' });
  expect(verdictOn(attempt('upstream-error', {}, true))).toMatchObject({ kind: 'retry', pausesAll: false });
});

test('pauses grow from a second to ten minutes, those of a lead and those of all by themselves', () => {
  const pauses = (code: ErrorCode, member: 'failedBefore' | 'failedInRow') =>
    [0, 1, 2, 5, 9, 10, 99].map((count) => {
      const verdict = verdictOn(attempt(code, { [member]: count, random: () => 0.999_999 }));
      return verdict.kind === 'retry' ? Math.round(verdict.afterMs / 1000) : verdict.kind;
    });
  expect(pauses('internal-error', 'failedBefore')).toEqual([1, 2, 4, 32, 512, 600, 600]);
  expect(pauses('upstream-unreachable', 'failedInRow')).toEqual([1, 2, 4, 32, 512, 600, 600]);
  expect(pauses('upstream-unreachable', 'failedBefore')).toEqual([1, 1, 1, 1, 1, 1, 1]);
});

test('what the upstream asks for is kept, and the jitter comes after it', () => {
  const error = { code: 'upstream-busy', retryable: true, retryAfterSeconds: 30 } as const;
  expect(verdictOn(attempt('upstream-busy', { error }))).toMatchObject({ afterMs: 30_500 });
});

test('a lead that is too old has failed, but only by an attempt', () => {
  expect(verdictOn(attempt('upstream-busy', { ageMs: 999 })).kind).toBe('retry');
  expect(verdictOn(attempt('upstream-busy', { ageMs: 1000 })).kind).toBe('failed');
});
