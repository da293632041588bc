import { expect, test } from 'vitest';
import { fault } from '../support/answers.ts';
import { startTestGateway, upstreamAt } from '../support/gateway.ts';
import { startUpstream } from '../support/upstream.ts';
import { problemType } from '../support/problem-type.ts';

/** Contract B, "Errors": the row of every fault code of section A, and of one that nobody listed. */
const ROWS: readonly (readonly [number, number, string, boolean])[] = [
  [10001, 502, 'upstream-error', true],
  [20011, 502, 'upstream-error', true],
  [20012, 502, 'upstream-error', false],
  [20013, 502, 'upstream-access-denied', false],
  [20014, 502, 'upstream-access-denied', false],
  [20015, 429, 'daily-quota-exhausted', true],
  [20016, 502, 'upstream-clock-skew', false],
  [20017, 502, 'upstream-error', false],
  [20018, 502, 'upstream-error', false],
  [20019, 502, 'upstream-error', false],
  [20023, 429, 'upstream-busy', true],
  [20024, 429, 'upstream-busy', true],
  [20101, 422, 'lead-rejected', false],
  [20102, 422, 'lead-rejected', false],
  [20103, 404, 'lead-not-found', false],
  [20104, 422, 'lead-rejected', false],
  [20105, 422, 'unknown-attribute', false],
  [20106, 422, 'lead-rejected', false],
  [20108, 422, 'lead-rejected', false],
  [20109, 422, 'lead-rejected', false],
  [20110, 422, 'lead-rejected', false],
  [20111, 422, 'lead-rejected', false],
  [20113, 422, 'lead-rejected', false],
  [20114, 422, 'lead-rejected', false],
  [29999, 502, 'upstream-error', false],
];

test.each(ROWS)('fault %i is answered %i %s (retryable: %s)', async (code, status, slug, retryable) => {
  const upstream = await startUpstream((response) => {
    response.writeHead(500, { 'content-type': 'text/xml; charset=utf-8' }).end(fault(code));
  });
  const gateway = await startTestGateway({ ...upstreamAt(upstream.endpoint), REQUEST_DEADLINE_MS: '700' });
  const answer = await gateway.putLead({ email: 'a@b.c' });
  expect(answer.status).toBe(status);
  expect(answer.body).toMatchObject({
    type: problemType(slug),
    status,
    retryable,
    upstream: { code, message: `Refused (${code})` },
  });
  expect(answer.body.detail).toMatch(/\w.*\.$/);
  expect(answer.headers.has('retry-after')).toBe(status === 429);
});

test('fault 20105 points to each attribute it names', async () => {
  const message = 'syncLead operation failed: unknown fields for import: pants, T-shirt size (20105)';
  const upstream = await startUpstream((response) => {
    response.writeHead(500, { 'content-type': 'text/xml' }).end(fault(20105, 'Unknown lead field', message));
  });
  const gateway = await startTestGateway(upstreamAt(upstream.endpoint));
  const { body } = await gateway.putLead({ email: 'a@b.c', attributes: { pants: 1, 'T-shirt size': 'L' } });
  expect(body.errors).toEqual([
    { pointer: '#/attributes/pants', detail: 'is not the name of a field in Marketo' },
    { pointer: '#/attributes/T-shirt%20size', detail: 'is not the name of a field in Marketo' },
  ]);
  expect(body.detail).toContain('pants');
  expect(upstream.calls).toHaveLength(1);
});

test("a failed record is told in the upstream's words", async () => {
  const gateway = await startTestGateway();
  const { status, body } = await gateway.putLead({ email: 'a@b.c', attributes: { LeadScore: 'abc' } });
  expect(status).toBe(422);
  expect(body).toMatchObject({ type: problemType('lead-rejected'), retryable: false });
  expect(body.upstream.message).toContain('LeadScore');
  expect(body.detail).toContain(body.upstream.message);
});
