import { describe, expect, test } from 'vitest';
import type { UpsertLead } from '../../src/leads/lead.ts';
import { FAULT_CODES } from '../../src/marketo-soap/faults.ts';
import {
  type AttemptOutcome,
  blamesLead,
  toGatewayError,
  type FailedOutcome,
  retryAdvice,
  unknownAttributes,
} from '../../src/marketo-soap/outcome.ts';

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

describe('each failure becomes the error of the contract', () => {
  test.each<[string, FailedOutcome, string, object]>([
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
    expect(toGatewayError(outcome)).toMatchObject({ code, retryAfterSeconds: undefined, ...members });
  });

  test.each<FailedOutcome>([
    faultOf(20023),
    unreadable(503),
    { kind: 'unreachable', wasSent: false, cause },
    { kind: 'timeout', cause },
  ])('with the time to wait, where it is known: $kind', (outcome) => {
    expect(toGatewayError(outcome, 7).retryAfterSeconds).toBe(7);
  });

  test('a fault keeps its code and its words', () => {
    for (const code of FAULT_CODES)
      expect(toGatewayError(faultOf(code)).upstream).toEqual({ code, message: 'words' });
  });

  test('unknown attributes are pointed to', () => {
    expect(toGatewayError(faultOf(20105, 'unknown fields for import: a, b/c (20105)'))).toMatchObject({
      code: 'unknown-attribute',
      detail: 'Marketo has no field named a, b/c. Check the spelling; names are case-sensitive.',
      errors: [
        { pointer: '#/attributes/a', detail: 'is not the name of a field in Marketo' },
        { pointer: '#/attributes/b~1c', detail: 'is not the name of a field in Marketo' },
      ],
    });
    expect(toGatewayError(faultOf(20105, 'Unknown lead field')).errors).toBeUndefined();
  });
});

describe('what the upstream says at length is cut', () => {
  const long = 'x'.repeat(4_000_000);

  test('a message', () => {
    const message = `${'x'.repeat(2000)}…`;
    expect(toGatewayError(faultOf(20102, long)).upstream).toEqual({ code: 20102, message });
    expect(toGatewayError({ kind: 'rejected', message: long })).toMatchObject({
      detail: `Marketo did not save the lead: ${message}`,
      upstream: { message },
    });
  });

  test('a word, and never in the middle of a character', () => {
    expect(toGatewayError(unreadable(200, `${'x'.repeat(79)}😀😀`)).upstream).toEqual({
      message: `${'x'.repeat(79)}…`,
    });
    expect(toGatewayError(unreadable(200, `${'x'.repeat(78)}😀😀`)).upstream).toEqual({
      message: `${'x'.repeat(78)}😀…`,
    });
  });

  test('a list of names', () => {
    const names = Array.from({ length: 5000 }, (_, index) => `f${index}`);
    const error = toGatewayError(faultOf(20105, `unknown fields for import: ${names.join(',')} (20105)`));
    expect(error.detail).toBe(
      'Marketo has no field named f0, f1, f2, f3, f4, f5, f6, f7, f8, f9 and 990 more. Check the spelling; names are case-sensitive.',
    );
    expect(error.errors).toHaveLength(1000);
  });
});

test.each<[AttemptOutcome, string]>([
  [{ kind: 'stored', result: { leadId: 1, status: 'CREATED' } }, 'never'],
  [{ kind: 'rejected', message: '' }, 'never'],
  [{ kind: 'cancelled' }, 'never'],
  [{ kind: 'timeout', cause }, 'never'],
  [{ kind: 'unreachable', wasSent: false, cause }, 'backoff'],
  [{ kind: 'unreachable', wasSent: true, cause }, 'reconnect'],
  [unreadable(null), 'never'],
  [unreadable(200), 'never'],
  [unreadable(500), 'never'],
  [unreadable(502), 'backoff'],
  [unreadable(503), 'backoff'],
  [unreadable(504), 'backoff'],
  [faultOf(20011), 'backoff'],
  [faultOf(20016), 'reauthenticate'],
  [faultOf(20103), 'never'],
  [faultOf(null), 'never'],
])('%j is tried again: %s', (outcome, advice) => {
  expect(retryAdvice(outcome)).toBe(advice);
});

test('a fault is the fault of a lead when another lead could have gone through', () => {
  const blaming = [...FAULT_CODES, null, 29999].filter((code) => blamesLead(faultOf(code)));
  expect(blaming).toEqual([
    20101, 20102, 20103, 20104, 20105, 20106, 20108, 20109, 20110, 20111, 20113, 20114,
  ]);
  expect(blamesLead({ kind: 'rejected', message: '' })).toBe(false);
});

test('only fault 20105 names unknown attributes', () => {
  const message = 'unknown fields for import: a (20105)';
  expect(unknownAttributes(faultOf(20105, message))).toEqual(['a']);
  expect(unknownAttributes(faultOf(20103, message))).toEqual([]);
  expect(unknownAttributes({ kind: 'rejected', message })).toEqual([]);
});

test('an attribute is pointed to by the name it was sent with, blanks included', () => {
  const outcome = faultOf(20105, 'unknown fields for import: Email, b (20105)');
  expect(toGatewayError(outcome, undefined, leadOf('Email ', 'FirstName')).errors).toEqual([
    {
      pointer: '#/attributes/Email%20',
      detail: 'is not the name of a field in Marketo; did you mean the member email beside attributes?',
    },
  ]);
  expect(toGatewayError(outcome, undefined, leadOf('FirstName')).errors).toHaveLength(2);
});
