import { describe, expect, test } from 'vitest';
import { success } from '../../support/answers.ts';
import { startApp, unreachable } from '../../support/app.ts';
import { putLead, problemType } from '../../support/client.ts';
import { startTestGateway, upstreamAt } from '../../support/gateway.ts';
import { startUpstream } from '../../support/upstream.ts';
import { testEvery } from '../../support/exhaustive.ts';

describe('PUT /leads answers 422 validation-failed', () => {
  test('with the member and the reason in the detail when there is one', async () => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await putLead(url, { email: 'jane' });
    expect(answer.json).toEqual({
      type: problemType('validation-failed'),
      title: 'The lead is not valid',
      status: 422,
      detail: '1 member is not valid. email: must be an email address such as jane@example.com.',
      requestId: 'request-1',
      retryable: false,
      errors: [{ pointer: '#/email', detail: 'must be an email address such as jane@example.com' }],
    });
  });

  test('with the rule that is broken when no member is at fault alone', async () => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await putLead(url, {});
    expect(answer.json['detail']).toBe(
      '1 member is not valid. The lead: needs at least one of id, foreignSysPersonId, marketoCookie, email to tell which lead is meant.',
    );
    expect(answer.json['errors']).toMatchObject([{ pointer: '#' }]);
  });

  test.each([
    ['99999999999999999999', 'must be at most 2147483647'],
    ['2147483648', 'must be at most 2147483647'],
    ['-99999999999999999999', 'must be at least 1'],
    ['0', 'must be at least 1'],
    ['1.5', 'must be an integer'],
    ['"1"', 'must be an integer, without quotes'],
  ])('with one reason for the id %s', async (id, detail) => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await putLead(url, `{"id":${id}}`);
    expect(answer.json['errors']).toEqual([{ pointer: '#/id', detail }]);
  });

  test('with every violation at once, the first few in the detail', async () => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await putLead(url, {
      id: 0,
      email: 1,
      attributes: { 'a/b': {} },
      returnLead: 'yes',
      more: 1,
    });
    const errors = answer.json['errors'] as { pointer: string }[];
    expect(errors.map(({ pointer }) => pointer).toSorted()).toEqual([
      '#/attributes/a~1b',
      '#/email',
      '#/id',
      '#/more',
      '#/returnLead',
    ]);
    expect(answer.json['detail']).toMatch(/^5 members are not valid\. (?:[^.]+\. ){3}And 2 more\.$/);
  });

  test('with a thousand violations at most, and says so', async () => {
    const { url } = await startApp({ directory: unreachable });
    const members = Array.from({ length: 1200 }, (_, i) => [`m${i}`, i]);
    const answer = await putLead(url, { id: 1, ...Object.fromEntries(members) });
    expect(answer.json['errors']).toHaveLength(1000);
    expect(answer.json['detail']).toMatch(
      /^1200 members are not valid\. .* And 1197 more\. errors lists the first 1000\.$/,
    );
  });

  test('with a detail of limited length when names are long', async () => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await putLead(url, { id: 1, [`${'🦊'.repeat(100)}x`]: 1 });
    expect(answer.json['detail']).toBe(
      `1 member is not valid. ${'🦊'.repeat(40)}…: is not a member of a lead.`,
    );
  });

  testEvery(2, ['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'to the member %s',
    async (name) => {
      const { url } = await startApp({ directory: unreachable });
      const answer = await putLead(url, `{"email":"jane@example.com","${name}":{"isAdmin":true}}`);
      expect(answer.json['errors']).toEqual([{ pointer: `#/${name}`, detail: 'is not a member of a lead' }]);
    },
  );

  test('with quotes in place of a name that is empty', async () => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await putLead(url, { email: 'jane@example.com', '': 1, attributes: { '': 1 } });
    expect(answer.json['detail']).toBe(
      '2 members are not valid. attributes/"": an attribute needs a name. "": is not a member of a lead.',
    );
  });

  test('with one reason for an id of characters that XML cannot carry', async () => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await putLead(url, { foreignSysPersonId: '\u0001', foreignSysType: 'CUSTOM' });
    expect(answer.json['errors']).toEqual([
      { pointer: '#/foreignSysPersonId', detail: expect.stringMatching(/^character 1 is U\+0001/) },
    ]);
  });

  testEvery(3, [
    ['null', ' such as {"email":"jane@example.com"}, but is null'],
    ['7', ' such as {"email":"jane@example.com"}, but is 7'],
    ['true', ' such as {"email":"jane@example.com"}, but is true'],
    ['"jane@example.com"', ' such as {"email":"jane@example.com"}, but is a string'],
    [
      JSON.stringify('{"email":"jane@example.com"}'),
      ' such as {"email":"jane@example.com"}, but is a string that contains JSON: it was encoded twice',
    ],
    ['[]', ', not a list: a request holds one lead; PUT /leads/batch takes many'],
    ['[{"email":"jane@example.com"}]', ', not a list: a request holds one lead; PUT /leads/batch takes many'],
  ])('to JSON that is not an object, and says what it is: %s', async (body, complaint) => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await putLead(url, body);
    expect(answer.json['errors']).toEqual([{ pointer: '#', detail: `must be a JSON object${complaint}` }]);
  });
});

describe('PUT /leads answers 422', () => {
  test('lead-rejected when the upstream did not take the record', async () => {
    const upstream = await startUpstream((response) => {
      response
        .setHeader('content-type', 'text/xml')
        .end(success({ status: 'FAILED', error: '<error>Invalid email address</error>' }));
    });
    const { url } = await startTestGateway(upstreamAt(upstream.endpoint));
    const answer = await putLead(url, { email: 'jane@example.com' });
    expect(answer.status).toBe(422);
    expect(answer.json).toMatchObject({
      type: problemType('lead-rejected'),
      retryable: false,
      upstream: { message: 'Invalid email address' },
    });
  });

  test('unknown-attribute with a pointer to the attribute', async () => {
    const { url } = await startTestGateway();
    const answer = await putLead(url, { email: 'jane@example.com', attributes: { pants: 'blue' } });
    expect(answer.status).toBe(422);
    expect(answer.json).toMatchObject({
      type: problemType('unknown-attribute'),
      errors: [{ pointer: '#/attributes/pants' }],
      upstream: { code: 20105 },
    });
  });
});
