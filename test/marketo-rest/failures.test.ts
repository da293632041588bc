import { describe, expect, test } from 'vitest';
import type { UpsertLead } from '../../src/leads/lead.ts';
import {
  accessDenied,
  answerFailure,
  endUnknown,
  recordFailure,
  timedOut,
} from '../../src/marketo-rest/failures.ts';
import type { RestOperation } from '../../src/marketo-rest/codes.ts';
import { type Failure, unreachable } from '../../src/upstream/outcome.ts';

const lead: UpsertLead = {
  id: 7,
  marketoCookie: 'id:1&token:2',
  workspace: 'EMEA',
  attributes: [],
  returnLead: false,
};

const shown = ({ error, retryable, advice, counted, isolates }: Failure) =>
  `${error} ${retryable === true ? 'retryable' : 'final'} ${advice} ${counted} ${isolates}`;

function callRefused(code: number | null, operation: RestOperation = 'sync', message = 'said'): Failure {
  return answerFailure(
    { kind: 'refused', errors: [{ code, message }], requestId: '3f1a#199c82cc400' },
    operation,
    undefined,
  );
}

describe('a call that is refused', () => {
  test.each([
    [600, 'upstream-access-denied final never no call'],
    [601, 'upstream-access-denied final never no call'],
    [602, 'upstream-access-denied final never no call'],
    [603, 'upstream-access-denied final never yes call'],
    [604, 'upstream-error retryable backoff no call'],
    [605, 'upstream-error final never no call'],
    [606, 'upstream-busy retryable rate-limited yes call'],
    [607, 'daily-quota-exhausted retryable day-spent yes call'],
    [608, 'upstream-error retryable backoff no call'],
    [609, 'upstream-error final never yes record'],
    [610, 'upstream-error final never yes call'],
    [611, 'upstream-error retryable backoff no record-if-repeated'],
    [612, 'upstream-error final never yes call'],
    [613, 'upstream-error final never yes call'],
    [614, 'upstream-unreachable retryable backoff yes call'],
    [615, 'upstream-busy retryable too-many-at-once yes call'],
    [616, 'upstream-error final never yes call'],
    [700, 'upstream-error final never yes call'],
    [713, 'upstream-error retryable backoff yes call'],
    [719, 'upstream-error retryable backoff yes call'],
    [500, 'upstream-error retryable backoff yes call'],
    [502, 'upstream-unreachable retryable backoff yes call'],
    [503, 'upstream-unreachable retryable backoff yes call'],
    [504, 'upstream-unreachable retryable backoff yes call'],
    [1001, 'upstream-error final never yes record'],
    [1003, 'upstream-error final never yes record'],
    [1004, 'upstream-error final never yes record'],
    [1006, 'upstream-error final never yes call'],
    [1007, 'upstream-error final never yes record'],
    [1008, 'lead-rejected final never yes call'],
    [1009, 'lead-rejected final never yes call'],
    [1011, 'upstream-error final never yes call'],
    [1013, 'upstream-error final never yes record'],
    [1077, 'upstream-error final never yes record'],
    [123_456, 'upstream-error final never yes call'],
    [null, 'upstream-error final never yes call'],
  ])('%s: %s', (code, expected) => {
    expect(shown(callRefused(code))).toBe(expected);
  });

  test.each([
    [1003, 'Too many results match the filter', 'lead-rejected final never yes record'],
    [1003, 'otherwise', 'upstream-error final never yes record'],
    [1007, 'said', 'lead-rejected final never yes record'],
    [1012, 'said', 'lead-rejected final never yes record'],
    [1004, 'said', 'lead-not-found final never yes record'],
    [1013, 'said', 'lead-not-found final never yes record'],
  ])('a find: %s %s: %s', (code, message, expected) => {
    expect(shown(callRefused(code, 'find', message))).toBe(expected);
  });

  test('has the words of Marketo, and a pointer where the code is about a member', () => {
    const failure = callRefused(1012, 'associate', "Invalid cookie value 'x'");
    expect(failure.upstream).toEqual({
      code: 1012,
      message: "Invalid cookie value 'x'",
      requestId: '3f1a#199c82cc400',
    });
    expect(failure.explain(lead).errors).toEqual([
      { pointer: '#/marketoCookie', detail: 'is not a cookie that Marketo accepts' },
    ]);
    expect(callRefused(1009).explain(lead).errors?.[0]?.pointer).toBe('#/workspace');
    expect(callRefused(1009).explain({ attributes: [], returnLead: false }).errors).toBeUndefined();
    expect(callRefused(null).codeLabel).toBe('none');
    expect(callRefused(123_456).codeLabel).toBe('other');
    expect(callRefused(606).codeLabel).toBe('606');
  });

  test('without any reason', () => {
    const failure = answerFailure({ kind: 'refused', errors: [], requestId: undefined }, 'sync', undefined);
    expect(shown(failure)).toBe('upstream-error final never yes call');
    expect(failure.upstream).toBeUndefined();
  });
});

describe('an answer that is not from the API', () => {
  test.each([
    [413, false, 'body-too-large final never yes record'],
    [414, false, 'upstream-error final never yes call'],
    [429, false, 'upstream-busy retryable rate-limited yes call'],
    [500, false, 'upstream-error retryable backoff yes call'],
    [500, true, 'upstream-unreachable retryable backoff yes call'],
    [502, false, 'upstream-unreachable retryable backoff yes call'],
    [503, false, 'upstream-unreachable retryable backoff yes call'],
    [504, true, 'upstream-unreachable retryable backoff yes call'],
    [200, true, 'upstream-unreachable retryable backoff yes call'],
    [302, false, 'upstream-bad-response final never yes call'],
    [404, false, 'upstream-bad-response final never yes call'],
  ])('status %i, HTML %s: %s', (status, isHtml, expected) => {
    const failure = answerFailure({ kind: 'http-status', status, isHtml }, 'sync', '7');
    expect(shown(failure)).toBe(expected);
    expect(failure.httpStatus).toBe(status);
    expect(failure.upstream).toBeUndefined();
  });
  test('or cannot be read', () => {
    const failure = answerFailure({ kind: 'unreadable', reason: 'is empty' }, 'sync', undefined);
    expect(shown(failure)).toBe('upstream-bad-response final never yes call');
    expect(failure.explain(lead).detail).toBe(
      "Marketo's answer is empty, so whether the lead was saved is not known. Sending the lead again is safe.",
    );
  });
});

describe('a record that is skipped', () => {
  const paths = new Map([
    ['leadScore', ['attributes', 'LeadScore']],
    ['email', ['email']],
  ]);
  const refused = (...reasons: readonly (readonly [number | null, string])[]) =>
    recordFailure(
      reasons.map(([code, message]) => ({ code, message })),
      paths,
      undefined,
    );

  test.each([
    [1001, 'lead-rejected'],
    [1003, 'lead-rejected'],
    [1004, 'lead-not-found'],
    [1005, 'upstream-error'],
    [1006, 'unknown-attribute'],
    [1007, 'lead-rejected'],
    [1008, 'lead-rejected'],
    [1009, 'lead-rejected'],
    [1010, 'lead-rejected'],
    [1013, 'lead-not-found'],
    [1018, 'lead-rejected'],
    [1021, 'lead-rejected'],
    [1022, 'lead-rejected'],
    [1036, 'lead-rejected'],
    [1999, 'lead-rejected'],
    [611, 'upstream-error'],
    [719, 'upstream-error'],
    [2000, 'upstream-error'],
    [null, 'upstream-error'],
  ])('for %s: %s', (code, error) => {
    expect(shown(refused([code, 'said']))).toBe(`${error} final never yes record`);
  });

  test('without a reason', () => {
    expect(shown(refused())).toBe('upstream-error final never yes record');
  });

  test('for several reasons: the first decides, all are told', () => {
    const failure = refused(
      [1003, "Invalid value for field 'leadScore' and value 'many'"],
      [1006, "Field 'email' not found"],
      [1006, "Field 'other' not found"],
    );
    expect(failure.error).toBe('lead-rejected');
    expect(failure.explain(lead).detail).toMatch(/\. Look at LeadScore, email\.$/);
    expect(failure.upstream).toEqual({
      code: 1003,
      message:
        "Invalid value for field 'leadScore' and value 'many'; Field 'email' not found; Field 'other' not found",
    });
    expect(failure.explain(lead).errors).toEqual([
      {
        pointer: '#/attributes/LeadScore',
        detail: "is refused by Marketo: Invalid value for field 'leadScore' and value 'many'",
      },
      { pointer: '#/email', detail: 'is not the name of a field in Marketo' },
    ]);
  });
});

describe('no answer at all', () => {
  test.each([
    ['no connection', unreachable(false, undefined, undefined), 'upstream-unreachable backoff no'],
    [
      'a connection that broke',
      unreachable(true, undefined, undefined),
      'upstream-unreachable reconnect unclear',
    ],
    ['a time-out', timedOut(undefined), 'upstream-timeout backoff unclear'],
    ['no token', accessDenied('Bad client credentials'), 'upstream-access-denied never no'],
    ['a call that may still run', endUnknown(), 'upstream-timeout never unclear'],
  ])('%s', (_, failure, expected) => {
    expect(`${failure.error} ${failure.advice} ${failure.counted}`).toBe(expected);
    expect(failure.explain(lead).detail).not.toBe('');
  });
  test('says what the proxy said', () => {
    const failure = unreachable(false, 'the proxy refuses the connection', undefined);
    expect(failure.explain(lead).detail).toContain(': the proxy refuses the connection, so');
  });
  test('passes on what identity said', () => {
    expect(accessDenied('Bad client credentials').upstream).toEqual({ message: 'Bad client credentials' });
    expect(accessDenied('').upstream).toBeUndefined();
  });
});
