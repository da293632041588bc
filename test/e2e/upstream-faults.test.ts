import { expect, test } from 'vitest';
import { fault } from '../support/answers.ts';
import { startTestGateway, upstreamAt } from '../support/gateway.ts';
import { startUpstream } from '../support/upstream.ts';
import { problemType } from '../support/problem-type.ts';

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
