import { describe, expect, test } from 'vitest';
import { afterFailure, type FailureContext } from '../../src/dispatch/retry-policy.ts';
import type { FailedOutcome } from '../../src/marketo-soap/outcome.ts';

const context: FailureContext = {
  attempts: 1,
  wasResigned: false,
  nowMs: 1000,
  wallMs: Date.parse('2026-11-23T12:00:00Z'),
  nextCallMs: 4000,
  msToNextLook: 3_600_000,
  random: () => 0.5,
};

const fault = (code: number, retryAfter?: string): FailedOutcome => ({
  kind: 'fault',
  fault: { code, message: '' },
  retryAfter,
});

const unreachable = (wasSent: boolean): FailedOutcome => ({ kind: 'unreachable', wasSent, cause: undefined });

const gateway = (httpStatus: number, retryAfter?: string): FailedOutcome => ({
  kind: 'unreadable',
  reason: 'is an HTML page',
  httpStatus,
  retryAfter,
});

const step = (outcome: FailedOutcome, change: Partial<FailureContext> = {}) =>
  afterFailure(outcome, { ...context, ...change });

describe('no other attempt follows', () => {
  test.each([
    ['a rejected record', { kind: 'rejected', message: '' }],
    ['a timeout, which may still be at work', { kind: 'timeout', cause: undefined }],
    ['an unknown attribute', fault(20105)],
    ['wrong credentials', fault(20014)],
    ['a fault nobody listed', fault(29999)],
    ['garbage with status 200', gateway(200)],
  ] satisfies [string, FailedOutcome][])('%s', (_what, outcome) => {
    expect(step(outcome)).toEqual({ kind: 'give-up', retryAfterMs: undefined });
  });

  test('a spent day, but for the time to midnight', () => {
    expect(step(fault(20015))).toEqual({ kind: 'give-up', retryAfterMs: 3_600_000 });
  });

  test('a second refusal of the timestamp', () => {
    expect(step(fault(20016), { wasResigned: true }).kind).toBe('give-up');
  });

  test('the fifth of any kind that pauses', () => {
    expect(step(fault(10001), { attempts: 5 })).toEqual({ kind: 'give-up', retryAfterMs: undefined });
    expect(step(gateway(503, '7'), { attempts: 5 })).toEqual({ kind: 'give-up', retryAfterMs: 7000 });
  });
});

describe('another attempt follows', () => {
  test('at once, with a corrected timestamp', () => {
    expect(step(fault(20016))).toMatchObject({ kind: 'retry', atMs: 1000 });
  });

  test('at once, after the first connection that broke', () => {
    expect(step(unreachable(true))).toMatchObject({ kind: 'retry', atMs: 1000 });
  });

  test.each([
    ['a refused connection', unreachable(false)],
    ['an internal error', fault(10001)],
    ['another internal error', fault(20011)],
    ['a page of a proxy', gateway(502)],
    ['a proxy that waited in vain', gateway(504)],
  ] satisfies [string, FailedOutcome][])('after a pause: %s', (_what, outcome) => {
    expect(step(outcome)).toMatchObject({ kind: 'retry', atMs: 1100, waitsForBudget: false });
  });

  test('no sooner than the upstream asks for', () => {
    expect(step(gateway(503, '3'))).toMatchObject({ kind: 'retry', atMs: 4100, retryAfterMs: 3000 });
  });

  test.each([20023, 20024])('when the budgets have room after fault %i', (code) => {
    expect(step(fault(code))).toEqual({
      kind: 'retry',
      atMs: 4000,
      waitsForBudget: true,
      retryAfterMs: 3000,
    });
  });
});
