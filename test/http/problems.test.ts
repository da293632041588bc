import { describe, expect, test } from 'vitest';
import { type ErrorCode, GatewayError } from '../../src/leads/errors.ts';
import { PROBLEM_TYPES } from '../../src/http/problems/types.ts';
import { directoryThat, startApp } from '../support/app.ts';
import { putLead, send, problemType } from '../support/client.ts';
import { testEvery } from '../support/exhaustive.ts';

/** Statuses and usual answers to "can it succeed later?", copied from the contract and not from the table. */
const CONTRACT: Record<ErrorCode, [status: number, retryable: boolean]> = {
  'malformed-json': [400, false],
  'malformed-form': [400, false],
  unauthorized: [401, false],
  'invalid-signature': [401, false],
  forbidden: [403, false],
  'not-found': [404, false],
  'method-not-allowed': [405, false],
  'body-too-large': [413, false],
  'unsupported-media-type': [415, false],
  'validation-failed': [422, false],
  'idempotency-key-reused': [422, false],
  'rate-limited': [429, true],
  'lead-rejected': [422, false],
  'lead-not-found': [404, false],
  'unknown-attribute': [422, false],
  'upstream-error': [502, false],
  'upstream-access-denied': [502, false],
  'upstream-clock-skew': [502, false],
  'daily-quota-exhausted': [429, true],
  'upstream-busy': [429, true],
  'upstream-unreachable': [502, true],
  'upstream-timeout': [504, true],
  'upstream-bad-response': [502, false],
  unavailable: [503, true],
  'internal-error': [500, false],
};
const CODES = Object.keys(CONTRACT) as ErrorCode[];

/** Problems that PUT /leads cannot end in once it has reached the directory. */
const ELSEWHERE = new Set<ErrorCode>([
  'not-found',
  'method-not-allowed',
  'malformed-form',
  'invalid-signature',
]);

function failingWith(...error: ConstructorParameters<typeof GatewayError>) {
  return startApp({
    directory: directoryThat(() => {
      throw new GatewayError(...error);
    }),
  });
}

describe('a problem document', () => {
  testEvery(
    3,
    CODES.filter((code) => !ELSEWHERE.has(code)),
  )('has the status and title of %s', async (code) => {
    const [status, retryable] = CONTRACT[code];
    const { url } = await failingWith(code, { detail: 'What happened.', retryAfterSeconds: 3 });
    const answer = await putLead(url, { id: 1 });
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.json).toEqual({
      type: problemType(code),
      title: PROBLEM_TYPES[code].title,
      status,
      detail: 'What happened.',
      requestId: 'request-1',
      retryable,
    });
  });

  test('shows the members at fault and what the upstream said, and nothing else', async () => {
    const { url } = await failingWith('unknown-attribute', {
      detail: 'Marketo has no field named pants.',
      errors: [{ pointer: '#/attributes/pants', detail: 'is no field' }],
      upstream: { code: 20105, message: 'unknown fields for import: pants (20105)' },
      cause: new Error('private'),
    });
    const answer = await putLead(url, { id: 1, attributes: { pants: 1 } });
    expect(answer.json).toMatchObject({
      errors: [{ pointer: '#/attributes/pants', detail: 'is no field' }],
      upstream: { code: 20105, message: 'unknown fields for import: pants (20105)' },
    });
    expect(Object.keys(answer.json).toSorted()).toEqual(
      ['detail', 'errors', 'requestId', 'retryable', 'status', 'title', 'type', 'upstream'].toSorted(),
    );
  });

  test('says retryable as the error does where it differs from the usual', async () => {
    const { url } = await failingWith('upstream-error', { detail: 'Try again.', retryable: true });
    const answer = await putLead(url, { id: 1 });
    expect(answer.json['retryable']).toBe(true);
  });

  testEvery(2, [
    [0, '1'],
    [0.2, '1'],
    [12, '12'],
    [12.01, '13'],
    [20_700, '20700'],
  ])('rounds %d seconds up to Retry-After: %s', async (retryAfterSeconds, header) => {
    const { url } = await failingWith('upstream-busy', { detail: 'Wait.', retryAfterSeconds });
    const answer = await putLead(url, { id: 1 });
    expect(answer.headers['retry-after']).toBe(header);
  });

  test('has no Retry-After when the time is not known', async () => {
    const { url } = await failingWith('upstream-unreachable', { detail: 'No connection.' });
    const answer = await putLead(url, { id: 1 });
    expect(answer.headers).not.toHaveProperty('retry-after');
  });
});

describe('GET /problems/<slug>', () => {
  testEvery(3, CODES)('explains %s to a person', async (code) => {
    const { url } = await startApp();
    const page = await send(url, `/problems/${code}`);
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.text).toMatch(/^<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">/);
    expect(page.text).toContain(`<code>${url}/problems/${code}</code>`);
    expect(page.text).toContain(`<dd>${CONTRACT[code][0]}</dd>`);
    expect(page.text.match(/<p>/g)?.length).toBeGreaterThanOrEqual(2);
    expect(page.text).not.toMatch(/ style=|<style|<script|&(?!amp;|lt;|gt;|quot;)/);
  });

  testEvery(2, ['nonsense', 'toString', '__proto__', 'Validation-Failed', '%3Cscript%3E'])(
    'answers 404 for %s',
    async (slug) => {
      const { url } = await startApp();
      const answer = await send(url, `/problems/${slug}`);
      expect(answer.status).toBe(404);
      expect(answer.text).not.toContain('<');
    },
  );
});
