import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../../src/leads/errors.ts';
import { directoryThat, startApp } from '../../support/app.ts';
import { putLead, problemType } from '../../support/client.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { testEvery } from '../../support/exhaustive.ts';

const lead = { id: 7, email: null, foreignSysPersonId: null, foreignSysType: null };

/** An app that answers with the attributes it got, and keeps them. */
async function startEcho() {
  const seen: unknown[] = [];
  const app = await startApp({
    directory: directoryThat(({ attributes, returnLead }) => {
      seen.push(...attributes);
      return { leadId: 7, status: 'UPDATED', ...(returnLead && { lead: { ...lead, attributes } }) };
    }),
  });
  return { ...app, seen };
}

describe('attributeList in PUT /leads', () => {
  test('goes on after the map, in the order given, with values of every kind', async () => {
    const { url, seen } = await startEcho();
    const answer = await putLead(url, {
      id: 7,
      attributeList: [
        { name: 'Zip', value: '02134' },
        { name: 'Score', value: 62 },
        { value: false, name: 'Off' },
        { name: 'Gone', value: null },
      ],
      attributes: { LastName: 'Doe', FirstName: 'Jane' },
    });
    expect(answer.status).toBe(200);
    expect(seen).toEqual([
      { name: 'LastName', value: 'Doe' },
      { name: 'FirstName', value: 'Jane' },
      { name: 'Zip', value: '02134' },
      { name: 'Score', value: 62 },
      { name: 'Off', value: false },
      { name: 'Gone', value: null },
    ]);
  });

  test('reaches the upstream as the map does', async () => {
    const { url } = await startTestGateway();
    const answer = await putLead(url, {
      email: 'jane@example.com',
      attributeList: [{ name: 'FirstName', value: 'Jane' }],
      returnLead: true,
    });
    expect(answer.json['lead']).toMatchObject({ attributes: { FirstName: 'Jane' } });
  });

  testEvery<[string, object, object[]]>(2, [
    [
      'a name that is in the map as well',
      { attributes: { A: 1 }, attributeList: [{ name: 'A', value: 1 }] },
      [{ pointer: '#/attributeList/0/name', detail: 'is also in attributes; give it once' }],
    ],
    [
      'a name that is in the list twice',
      {
        attributeList: [
          { name: 'A', value: 1 },
          { name: 'B', value: 1 },
          { name: 'A', value: 2 },
        ],
      },
      [{ pointer: '#/attributeList/2/name', detail: 'is given twice; it is already in attributeList/0' }],
    ],
    [
      'a key of the lead, no name, no value, a wrong value and more members, all at once',
      {
        attributeList: [
          { name: 'EMAIL', value: 'x' },
          { name: '', value: 'x' },
          { name: 'A' },
          { name: 'B', value: [] },
          { name: 'C', value: 'x', type: 'string' },
          'D',
        ],
      },
      [
        {
          pointer: '#/attributeList/0/name',
          detail: 'is a key of the lead, not an attribute; send it as the member email',
        },
        { pointer: '#/attributeList/1/name', detail: 'an attribute needs a name' },
        { pointer: '#/attributeList/2/value', detail: 'is missing; null clears the field' },
        { pointer: '#/attributeList/3/value', detail: 'must be a string, a number, true, false or null' },
        {
          pointer: '#/attributeList/4/type',
          detail: 'is not a member of an attribute, which has only name and value',
        },
        { pointer: '#/attributeList/5', detail: 'must be an object with name and value' },
      ],
    ],
    [
      'characters XML cannot carry',
      {
        attributeList: [
          { name: 'A\u0000', value: 'x' },
          { name: 'B', value: '\uD800' },
        ],
      },
      [
        { pointer: '#/attributeList/0/name', detail: expect.stringContaining('name is not valid') as string },
        { pointer: '#/attributeList/1/value', detail: expect.any(String) as string },
      ],
    ],
    [
      'something that is not a list',
      { attributeList: { A: 1 } },
      [
        {
          pointer: '#/attributeList',
          detail: 'must be a list of objects with name and value; a map goes into attributes',
        },
      ],
    ],
    [
      'more than 1000 attributes with those of the map',
      {
        attributes: { Z: 1 },
        attributeList: Array.from({ length: 1000 }, (_, at) => ({ name: `a${at}`, value: at })),
      },
      [
        {
          pointer: '#/attributeList',
          detail: 'must have at most 1000 members, including those of attributes',
        },
      ],
    ],
  ])('is refused with %s', async (_what, members, errors) => {
    const { url, seen } = await startEcho();
    const answer = await putLead(url, { id: 7, ...members });
    expect([answer.status, answer.json['errors']]).toEqual([422, errors]);
    expect(seen).toEqual([]);
  });

  test('is refused at once when it is far too long, beside what else is wrong', async () => {
    const { url } = await startEcho();
    const answer = await putLead(url, { id: 0, attributeList: Array.from({ length: 400_000 }, () => 1) });
    expect([answer.status, answer.json['errors']]).toEqual([
      422,
      [
        { pointer: '#/id', detail: 'must be at least 1' },
        { pointer: '#/attributeList', detail: 'must have at most 1000 members' },
      ],
    ]);
  });

  test('is pointed into by problems that come from behind it', async () => {
    const { url } = await startTestGateway();
    const answer = await putLead(url, {
      email: 'jane@example.com',
      attributes: { skirts: 1 },
      attributeList: [
        { name: 'FirstName', value: 'Jane' },
        { name: 'pants', value: 'x' },
      ],
    });
    expect([answer.status, answer.json['type']]).toEqual([422, problemType('unknown-attribute')]);
    const pointers = (answer.json['errors'] as { pointer: string }[]).map(({ pointer }) => pointer);
    expect(pointers.toSorted()).toEqual(['#/attributeList/1/name', '#/attributes/skirts']);
    expect(answer.json).toHaveProperty('upstream.code', 20_105);
  });

  test('leaves problems without members as they are', async () => {
    const { url } = await startApp({
      directory: directoryThat(() => {
        throw new GatewayError('upstream-busy', { detail: 'Wait.', retryAfterSeconds: 3 });
      }),
    });
    const answer = await putLead(url, { id: 7, attributeList: [{ name: 'A', value: 1 }] });
    expect([answer.status, answer.headers['retry-after']]).toEqual([429, '3']);
  });
});

describe('Prefer: attributes=list', () => {
  const body = { id: 7, attributes: { A: 'x' }, attributeList: [{ name: 'B', value: 2 }], returnLead: true };
  const list = [
    { name: 'A', value: 'x' },
    { name: 'B', value: 2 },
  ];

  testEvery(2, [
    'attributes=list',
    'ATTRIBUTES = "list"',
    'wait=10, attributes=list; x=y',
    'handling=lenient;note="a, attributes=map", attributes=list',
    'attributes=list, attributes=map',
  ])('%s answers the list beside the map, and says so', async (prefer) => {
    const { url } = await startEcho();
    const answer = await putLead(url, body, { prefer });
    expect(answer.headers['preference-applied']).toBe('attributes=list');
    expect(answer.json['lead']).toEqual({ ...lead, attributes: { A: 'x', B: 2 }, attributeList: list });
  });

  testEvery(3, [
    '',
    'return=minimal',
    'attributes',
    'attributes=map',
    'attributes=listed',
    'xattributes=list',
    'note="attributes=list"',
    'note=", attributes=list"',
    'attributes=map, attributes=list',
    'attributes, attributes=list',
    // Longer than any real preferences, and slow to read.
    `${'x, '.repeat(200)}attributes=list`,
  ])('is not %j', async (prefer) => {
    const { url } = await startEcho();
    const answer = await putLead(url, body, { prefer });
    expect(answer.headers).not.toHaveProperty('preference-applied');
    expect(answer.json['lead']).toEqual({ ...lead, attributes: { A: 'x', B: 2 } });
  });

  test('changes nothing where no lead is asked for', async () => {
    const { url } = await startEcho();
    const answer = await putLead(url, { id: 7 }, { prefer: 'attributes=list' });
    expect([answer.text, answer.headers['preference-applied']]).toEqual([
      '{"leadId":7,"status":"UPDATED"}',
      undefined,
    ]);
  });
});
