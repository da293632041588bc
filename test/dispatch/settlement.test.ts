import { describe, expect, test } from 'vitest';
import { type Caller, createJob, type Job } from '../../src/dispatch/job.ts';
import { type Fate, settle, type SettlementContext, splitBatch } from '../../src/dispatch/settlement.ts';
import { createPlace } from '../../src/dispatch/turns.ts';
import { GatewayError } from '../../src/leads/errors.ts';
import type { UpsertResult } from '../../src/leads/lead.ts';
import type { Failure, Outcome } from '../../src/upstream/outcome.ts';
import { failureOf } from '../support/dispatcher.ts';

const NOW = 1000;
const DEADLINE = 10_000;

const context: SettlementContext = {
  quota: { earliestStart: () => 4000, probeInMs: () => 60_000 },
  clock: { now: () => Date.parse('2026-11-23T12:00:00Z'), monotonicMs: () => NOW },
  random: () => 0.5,
};

const caller: Caller = {
  id: 'k',
  parent: undefined,
  hasAddresses: false,
  place: createPlace(),
  flows: [],
  requests: 0,
  waiting: 0,
};

const STEP = { group: '', size: 100, note: undefined };
const OTHER = { group: 'find', size: 20, note: 'The lead was stored.' };

/** A job in a call, for which one waits until the deadline. */
function job(seq: number, change: Partial<Job> = {}, attribute = 'City'): Job {
  const command = { attributes: [{ name: attribute, value: 'x' }], returnLead: false };
  const waiter = {
    caller,
    arrivedAt: 0,
    endsAt: DEADLINE,
    resolve() {},
    reject() {},
    report: undefined,
    forget() {},
  };
  return {
    ...createJob(seq, command, [], STEP, caller),
    waiters: [waiter],
    state: 'in-flight',
    attempts: 1,
    stepAttempts: change.attempts ?? 1,
    ...change,
  };
}

const unwanted = (seq: number) => job(seq, { waiters: [] });
const jobs = (count: number) => Array.from({ length: count }, (_, index) => job(index + 1));
const seqs = (some: readonly Job[]) => some.map(({ seq }) => seq);

/** A fate in short. */
function summaryOf(fate: Fate): unknown {
  switch (fate.kind) {
    case 'resolve':
      return [fate.job.seq, 'resolve', 'leadId' in fate.result ? fate.result.leadId : fate.result.length];
    case 'reject': {
      const error = fate.explain();
      return [fate.job.seq, 'reject', error instanceof GatewayError ? error.code : String(error)];
    }
    case 'drop':
      return [fate.job.seq, 'drop'];
    case 'requeue':
      return [fate.job.seq, 'requeue', fate.how];
    case 'continue':
      return [fate.job.seq, 'continue', fate.step.group, fate.atMs];
    case 'replace':
      return [fate.job.seq, 'replace', fate.step.group];
    case 'retryAt':
      return [seqs(fate.jobs), 'retryAt', fate.atMs];
    case 'split':
      return ['split', ...fate.parts.map(seqs)];
  }
}

const fatesOf = (some: readonly Job[], outcome: Parameters<typeof settle>[1]) =>
  settle(some, outcome, context).map(summaryOf);

const result: UpsertResult = { leadId: 7, status: 'CREATED' };
const rejected = failureOf({ how: 'rejected', error: 'lead-rejected', isolates: 'record' });
const failed = (change: Partial<Failure>) => failureOf(change);

describe('one lead', () => {
  test.each<[what: string, Outcome, unknown]>([
    ['stored', { kind: 'stored', result }, [1, 'resolve', 7]],
    ['refused', rejected, [1, 'reject', 'lead-rejected']],
    ['refused by the whole call', failed({ isolates: 'record' }), [1, 'reject', 'upstream-error']],
    ['cancelled', { kind: 'cancelled' }, [1, 'drop']],
    ['failed for good', failed({}), [1, 'reject', 'upstream-error']],
    ['failed for a while', failed({ advice: 'backoff' }), [[1], 'retryAt', NOW + 100]],
    ['asked to retry later', failed({ advice: 'backoff', retryAfter: '5' }), [[1], 'retryAt', NOW + 5100]],
    [
      'asked to retry after its deadline',
      failed({ advice: 'backoff', retryAfter: '9' }),
      [1, 'reject', 'upstream-error'],
    ],
    ['a broken connection', failed({ advice: 'reconnect' }), [[1], 'retryAt', NOW]],
    ['an old timestamp', failed({ advice: 'reauthenticate' }), [1, 'requeue', 'reauthenticated']],
    ['a spent window', failed({ advice: 'rate-limited' }), [1, 'requeue', 'as-before']],
    ['too many calls at a time', failed({ advice: 'too-many-at-once' }), [1, 'requeue', 'as-before']],
    [
      'a spent day',
      failed({ advice: 'day-spent', error: 'daily-quota-exhausted' }),
      [1, 'reject', 'daily-quota-exhausted'],
    ],
  ])('%s', (_what, outcome, fate) => {
    expect(fatesOf([job(1)], outcome)).toEqual([fate]);
  });

  test.each<[what: string, Partial<Job>, Partial<Failure>]>([
    ['five attempts', { attempts: 5 }, { advice: 'backoff' }],
    ['a fresh timestamp', { wasReauthenticated: true }, { advice: 'reauthenticate' }],
  ])('is given up after %s', (_what, change, failure) => {
    expect(fatesOf([job(1, change)], failed(failure))).toEqual([[1, 'reject', 'upstream-error']]);
  });

  test('that no one waits for is dropped instead of being sent again', () => {
    for (const advice of ['backoff', 'reconnect', 'reauthenticate', 'rate-limited'] as const) {
      expect(fatesOf([unwanted(1)], failed({ advice }))).toEqual([[1, 'drop']]);
    }
  });

  test('after a defect is rejected with it', () => {
    expect(fatesOf([job(1)], { kind: 'defect', error: new Error('a bug') })).toEqual([
      [1, 'reject', 'Error: a bug'],
    ]);
  });

  test.each<[Partial<Failure>, seconds: number | undefined]>([
    [{ advice: 'day-spent' }, 60],
    [{ advice: 'backoff', retryAfter: '9' }, 9],
    [{ advice: 'never', retryAfter: '9' }, undefined],
  ])('given up after %o is rejected with the time to retry', (failure, retryAfterSeconds) => {
    const [fate] = settle([job(1)], failed(failure), context);
    expect(fate?.kind === 'reject' && fate.explain()).toMatchObject({ retryAfterSeconds });
  });
});

describe('a batch', () => {
  test('that was answered: to each its own', () => {
    const records = [
      { kind: 'stored', result } as const,
      rejected,
      failed({ advice: 'rate-limited' }),
      failed({ advice: 'backoff' }),
    ];
    expect(fatesOf(jobs(4), { kind: 'answered', records })).toEqual([
      [1, 'resolve', 7],
      [2, 'reject', 'lead-rejected'],
      [3, 'requeue', 'as-before'],
      [[4], 'retryAt', NOW + 100],
    ]);
  });

  test('whose answer cannot be matched: each again, alone', () => {
    expect(fatesOf([job(1), unwanted(2), job(3)], { kind: 'mismatched' })).toEqual([
      [1, 'requeue', 'alone'],
      [2, 'drop'],
      [3, 'requeue', 'alone'],
    ]);
  });

  test('that failed pauses together, as long as the one with most attempts', () => {
    const batch = [job(1), job(2, { attempts: 3 }), unwanted(3)];
    expect(fatesOf(batch, failed({ advice: 'backoff' }))).toEqual([
      [3, 'drop'],
      [[1, 2], 'retryAt', NOW + 400],
    ]);
  });

  test('that failed leaves out those whose deadline comes first', () => {
    const late = job(2);
    const early = { ...late, waiters: late.waiters.map((waiter) => ({ ...waiter, endsAt: 1050 })) };
    expect(fatesOf([job(1), early], failed({ advice: 'backoff' }))).toEqual([
      [2, 'reject', 'upstream-error'],
      [[1], 'retryAt', NOW + 100],
    ]);
  });

  test('that was cancelled, or ended in a defect, is not sent again', () => {
    expect(fatesOf([unwanted(1), unwanted(2)], { kind: 'cancelled' })).toEqual([
      [1, 'drop'],
      [2, 'drop'],
    ]);
    expect(fatesOf(jobs(2), { kind: 'defect', error: 'bug' })).toEqual([
      [1, 'reject', 'bug'],
      [2, 'reject', 'bug'],
    ]);
  });

  test('refused because of one lead is split, without those that no one waits for', () => {
    const batch = [job(1), job(2), unwanted(3), job(4)];
    expect(fatesOf(batch, failed({ isolates: 'record' }))).toEqual([
      [3, 'drop'],
      ['split', [1, 2], [4]],
    ]);
  });

  test('refused because of a named attribute goes on without the leads that have it', () => {
    const batch = [job(1), job(2, {}, 'pants'), job(3)];
    const failure = failed({ isolates: 'record', unknownAttributes: ['pants'], error: 'unknown-attribute' });
    expect(fatesOf(batch, failure)).toEqual([
      [2, 'reject', 'unknown-attribute'],
      ['split', [1, 3]],
    ]);
  });
});

describe('splitting', () => {
  const batch = [1, 2, 3, 4, 5].map((seq) => job(seq, {}, seq === 4 ? 'pants' : 'City'));

  test('refuses the leads with an attribute the upstream names; the others stay together', () => {
    const { refused, parts } = splitBatch(batch, ['pants']);
    expect(seqs(refused)).toEqual([4]);
    expect(parts.map(seqs)).toEqual([[1, 2, 3, 5]]);
  });

  test('may refuse them all', () => {
    const { refused, parts } = splitBatch(batch, ['City', 'pants']);
    expect(seqs(refused)).toEqual([1, 2, 3, 4, 5]);
    expect(parts.map(seqs)).toEqual([[]]);
  });

  test('halves a batch where the upstream names no attribute, or none of theirs', () => {
    for (const unknown of [[], ['shoes']]) {
      const { refused, parts } = splitBatch(batch, unknown);
      expect(refused).toEqual([]);
      expect(parts.map(seqs)).toEqual([
        [1, 2, 3],
        [4, 5],
      ]);
    }
  });
});

describe('a lead that needs another call', () => {
  const next = (wait?: { untilMs: number; failure: Failure }): Outcome => ({
    kind: 'answered',
    records: [{ kind: 'next', step: OTHER, ...(wait && { wait }) }],
  });
  test('goes on at once', () => {
    expect(fatesOf(jobs(1), next())).toEqual([[1, 'continue', 'find', undefined]]);
    const past = { untilMs: NOW, failure: failed({}) };
    expect(fatesOf(jobs(1), next(past))).toEqual([[1, 'continue', 'find', undefined]]);
  });
  test('or once it may', () => {
    const later = { untilMs: DEADLINE - 1, failure: failed({}) };
    expect(fatesOf(jobs(1), next(later))).toEqual([[1, 'continue', 'find', DEADLINE - 1]]);
  });
  test('or is refused if that is too late, with the time as Retry-After', () => {
    const failure = failed({ error: 'upstream-timeout' });
    const [fate] = settle(jobs(1), next({ untilMs: NOW + 70_500, failure }), context);
    expect(fate && summaryOf(fate)).toEqual([1, 'reject', 'upstream-timeout']);
    expect(fate?.kind === 'reject' && fate.explain()).toMatchObject({ retryAfterSeconds: 71 });
  });
  test('or is dropped, since no one waits for it', () => {
    expect(fatesOf([unwanted(1)], next())).toEqual([[1, 'drop']]);
  });
});

describe('a call that is repeated by another one', () => {
  const failure = failed({ advice: 'reconnect', retrySteps: [OTHER, OTHER], safeAtMs: NOW + 90_000 });
  test('has that step for each lead that has time for it', () => {
    const some = [job(1), job(2, { waiters: [] })];
    expect(fatesOf(some, failure)).toEqual([
      [1, 'replace', 'find'],
      [2, 'drop'],
      [[1], 'retryAt', NOW],
    ]);
  });
  test('tells the others when they can be sent again', () => {
    const [fate] = settle([job(1, { stepAttempts: 5 })], failure, context);
    expect(fate?.kind === 'reject' && fate.explain()).toMatchObject({ retryAfterSeconds: 90 });
  });
  test('or later, where the upstream asks for that', () => {
    const asked = { ...failure, advice: 'backoff', retryAfter: '120' } as const;
    const [fate] = settle([job(1, { stepAttempts: 5 })], asked, context);
    expect(fate?.kind === 'reject' && fate.explain()).toMatchObject({ retryAfterSeconds: 120 });
  });
});

test('a failure that may be about one lead splits the call at the third time', () => {
  const failure = failed({ advice: 'backoff', isolates: 'record-if-repeated' });
  const attempted = (stepAttempts: number, count = 2) =>
    jobs(count).map((one) => ({ ...one, attempts: 4, stepAttempts }));
  expect(fatesOf(attempted(2), failure)).toMatchObject([[[1, 2], 'retryAt', 1200]]);
  expect(fatesOf(attempted(3), failure)).toEqual([['split', [1], [2]]]);
  expect(fatesOf(attempted(3, 1), failure)).toMatchObject([[[1], 'retryAt', 1400]]);
});
