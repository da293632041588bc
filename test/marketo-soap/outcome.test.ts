import { describe, expect, test } from 'vitest';
import type { UpsertLead } from '../../src/leads/lead.ts';
import { FAULT_CODES } from '../../src/marketo-soap/faults.ts';
import { type SoapOutcome, toBatchOutcome, toUpsertOutcome } from '../../src/marketo-soap/outcome.ts';
import { breakerVerdict, type Failure, quotaVerdict, toGatewayError } from '../../src/upstream/outcome.ts';

type SoapFailure = Exclude<SoapOutcome, { kind: 'stored' | 'cancelled' }>;

function failureOf(outcome: SoapFailure): Failure {
  const failure = toUpsertOutcome(outcome);
  if (failure.kind !== 'failed') throw new Error(`${failure.kind} is not a failure`);
  return failure;
}

const errorOf = (outcome: SoapFailure, command = leadOf(), retryAfterSeconds?: number) =>
  toGatewayError(failureOf(outcome), command, retryAfterSeconds);

const faultOf = (code: number | null, message = 'words') =>
  ({ kind: 'fault', fault: { code, message }, retryAfter: undefined }) as const;
const unreadable = (httpStatus: number | null, said?: string) =>
  ({
    kind: 'unreadable',
    reason: 'is empty',
    httpStatus,
    retryAfter: undefined,
    ...(said !== undefined && { said }),
  }) as const;
const cause = new Error('inside');
const leadOf = (...names: string[]): UpsertLead => ({
  email: 'jane@example.com',
  attributes: names.map((name) => ({ name, value: 'x' })),
  returnLead: false,
});

describe('each failure becomes the documented error', () => {
  test.each<[string, SoapFailure, string, object]>([
    [
      'a refused record with a text',
      { kind: 'rejected', message: 'too old' },
      'lead-rejected',
      { detail: 'Marketo did not save the lead: too old', upstream: { message: 'too old' } },
    ],
    [
      'a refused record without one',
      { kind: 'rejected', message: '' },
      'lead-rejected',
      { detail: 'Marketo did not save the lead and did not say why.', upstream: undefined },
    ],
    [
      'a fault without a code',
      faultOf(null),
      'upstream-error',
      { upstream: { message: 'words' }, retryable: false },
    ],
    [
      'an unreadable answer',
      unreadable(200),
      'upstream-bad-response',
      {
        retryable: false,
        upstream: undefined,
        detail: expect.stringContaining('answer is empty (HTTP status 200)'),
      },
    ],
    ['an unreadable answer of a gateway', unreadable(503), 'upstream-bad-response', { retryable: true }],
    [
      'an answer too broken for a status, and the word at fault',
      unreadable(null, 'SKIPPED'),
      'upstream-bad-response',
      { upstream: { message: 'SKIPPED' } },
    ],
    [
      'no connection',
      { kind: 'unreachable', wasSent: false, cause },
      'upstream-unreachable',
      { cause, detail: expect.stringContaining('was not sent') },
    ],
    [
      'a broken connection',
      { kind: 'unreachable', wasSent: true, cause },
      'upstream-unreachable',
      { cause, detail: expect.stringContaining('Sending the lead again is safe.') },
    ],
    ['no answer in time', { kind: 'timeout', cause }, 'upstream-timeout', { cause }],
  ])('%s', (_what, outcome, code, members) => {
    expect(errorOf(outcome)).toMatchObject({ code, retryAfterSeconds: undefined, ...members });
  });

  test.each<SoapFailure>([
    faultOf(20023),
    unreadable(503),
    { kind: 'unreachable', wasSent: false, cause },
    { kind: 'timeout', cause },
  ])('with the time to wait, where it is known: $kind', (outcome) => {
    expect(errorOf(outcome, leadOf(), 7).retryAfterSeconds).toBe(7);
  });

  test('a fault keeps its code and its words', () => {
    for (const code of FAULT_CODES)
      expect(errorOf(faultOf(code)).upstream).toEqual({ code, message: 'words' });
  });

  test('unknown attributes are pointed to', () => {
    expect(errorOf(faultOf(20105, 'unknown fields for import: a, b/c (20105)'))).toMatchObject({
      code: 'unknown-attribute',
      detail: 'Marketo has no fields named a, b/c. Check the spelling; names are case-sensitive.',
      errors: [
        { pointer: '#/attributes/a', detail: 'is not the name of a field in Marketo' },
        { pointer: '#/attributes/b~1c', detail: 'is not the name of a field in Marketo' },
      ],
    });
    expect(errorOf(faultOf(20105, 'Unknown lead field')).errors).toBeUndefined();
  });
});

describe('what the upstream says at length is cut', () => {
  const long = 'x'.repeat(4_000_000);

  test('a message', () => {
    const message = `${'x'.repeat(2000)}…`;
    expect(errorOf(faultOf(20102, long)).upstream).toEqual({ code: 20102, message });
    expect(errorOf({ kind: 'rejected', message: long })).toMatchObject({
      detail: `Marketo did not save the lead: ${message}`,
      upstream: { message },
    });
  });

  test('a word, and never in the middle of a character', () => {
    expect(errorOf(unreadable(200, `${'x'.repeat(79)}😀😀`)).upstream).toEqual({
      message: `${'x'.repeat(79)}…`,
    });
    expect(errorOf(unreadable(200, `${'x'.repeat(78)}😀😀`)).upstream).toEqual({
      message: `${'x'.repeat(78)}😀…`,
    });
  });

  test('a list of names', () => {
    const names = Array.from({ length: 5000 }, (_, index) => `f${index}`);
    const error = errorOf(faultOf(20105, `unknown fields for import: ${names.join(',')} (20105)`));
    expect(error.detail).toBe(
      'Marketo has no fields named f0, f1, f2, f3, f4, f5, f6, f7, f8, f9 and 990 more. Check the spelling; names are case-sensitive.',
    );
    expect(error.errors).toHaveLength(1000);
  });
});

test.each<[SoapFailure, Partial<Failure>, string, string]>([
  [
    { kind: 'rejected', message: '' },
    { how: 'rejected', advice: 'never', isolates: 'record' },
    'counted',
    'success',
  ],
  [{ kind: 'timeout', cause }, { how: 'timeout', advice: 'never' }, 'given-up', 'failure'],
  [
    { kind: 'unreachable', wasSent: false, proxyFailure: 'no', cause },
    { how: 'unreachable', advice: 'backoff', proxyFailure: 'no' },
    'unsent',
    'failure',
  ],
  [{ kind: 'unreachable', wasSent: true, cause }, { advice: 'reconnect' }, 'unclear', 'ignored'],
  [unreadable(null), { how: 'unreadable', advice: 'never', httpStatus: undefined }, 'counted', 'success'],
  [unreadable(200), { advice: 'never', httpStatus: 200 }, 'counted', 'success'],
  [unreadable(500), { advice: 'never' }, 'counted', 'success'],
  [unreadable(502), { advice: 'backoff' }, 'counted', 'success'],
  [unreadable(503), { advice: 'backoff' }, 'counted', 'success'],
  [unreadable(504), { advice: 'backoff' }, 'counted', 'success'],
  [faultOf(20011), { how: 'fault', advice: 'backoff', codeLabel: '20011' }, 'counted', 'success'],
  [faultOf(20014), { advice: 'never', error: 'upstream-access-denied' }, 'counted', 'success'],
  [faultOf(20015), { advice: 'day-spent' }, 'day-spent', 'success'],
  [faultOf(20016), { advice: 'reauthenticate' }, 'counted', 'success'],
  [faultOf(20023), { advice: 'rate-limited' }, 'rate-limited', 'success'],
  [faultOf(20024), { advice: 'too-many-at-once' }, 'too-many-at-once', 'success'],
  [faultOf(20103), { advice: 'never', isolates: 'record' }, 'counted', 'success'],
  [faultOf(20105), { advice: 'never', isolates: 'record' }, 'counted', 'success'],
  [faultOf(29999), { advice: 'never', isolates: 'call', codeLabel: 'other' }, 'counted', 'success'],
  [faultOf(null), { advice: 'never', isolates: 'call', codeLabel: 'none' }, 'counted', 'success'],
])('%j means %j to retries, %s to the budgets, %s to the breaker', (outcome, meaning, budgets, breaker) => {
  const failure = failureOf(outcome);
  expect(failure).toMatchObject(meaning);
  expect(quotaVerdict(failure)).toBe(budgets);
  expect(breakerVerdict(failure)).toBe(breaker);
});

test('an outcome that is not a failure is passed on', () => {
  const stored: SoapOutcome = { kind: 'stored', result: { leadId: 1, status: 'CREATED' } };
  expect(toUpsertOutcome(stored)).toBe(stored);
  expect(toUpsertOutcome({ kind: 'cancelled' })).toEqual({ kind: 'cancelled' });
  expect(toBatchOutcome({ kind: 'mismatched' })).toEqual({ kind: 'mismatched' });
  expect(toBatchOutcome({ kind: 'answered', records: [stored, faultOf(20101)] })).toMatchObject({
    kind: 'answered',
    records: [stored, { kind: 'failed', error: 'lead-rejected' }],
  });
  expect(toBatchOutcome(faultOf(20011))).toMatchObject({ kind: 'failed', advice: 'backoff' });
});

test('a fault is about a record when another lead could have gone through', () => {
  const codes = [...FAULT_CODES, null, 29999];
  expect(codes.filter((code) => failureOf(faultOf(code)).isolates === 'record')).toEqual([
    20101, 20102, 20103, 20104, 20105, 20106, 20108, 20109, 20110, 20111, 20113, 20114,
  ]);
});

test('only fault 20105 names unknown attributes', () => {
  const message = 'unknown fields for import: a (20105)';
  expect(failureOf(faultOf(20105, message)).unknownAttributes).toEqual(['a']);
  expect(failureOf(faultOf(20103, message)).unknownAttributes).toEqual([]);
  expect(failureOf({ kind: 'rejected', message }).unknownAttributes).toEqual([]);
});

test('an attribute is pointed to by the name it was sent with, blanks included', () => {
  const outcome = faultOf(20105, 'unknown fields for import: Email, b (20105)');
  expect(errorOf(outcome, leadOf('Email ', 'FirstName')).errors).toEqual([
    {
      pointer: '#/attributes/Email%20',
      detail: 'is not the name of a field in Marketo; did you mean the member email beside attributes?',
    },
  ]);
  expect(errorOf(outcome, leadOf('FirstName')).errors).toHaveLength(2);
});
