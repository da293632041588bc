import { expect, test } from 'vitest';
import { nearestName } from '../../../src/text/nearest-name.ts';
import { startApp, unreachable } from '../../support/app.ts';
import { putLead } from '../../support/client.ts';
import { testEvery } from '../../support/exhaustive.ts';

const UNKNOWN = 'is not a member of a lead';

/** The detail for a member that a lead does not have. */
async function detailOf(member: string, value: unknown = 'x'): Promise<unknown> {
  const { url } = await startApp({ directory: unreachable });
  const answer = await putLead(url, `{"id":1,${JSON.stringify(member)}:${JSON.stringify(value)}}`);
  expect(answer.status).toBe(422);
  const [error, ...more] = answer.json['errors'] as { pointer: string; detail: string }[];
  expect(more).toEqual([]);
  expect(answer.json['detail']).toContain(String(error?.detail).slice(0, 20));
  return error?.detail;
}

testEvery(3, [
  ['emial', 'email'],
  ['Email', 'email'],
  ['EMAIL', 'email'],
  ['e-mail', 'email'],
  ['e_mail', 'email'],
  ['mail', 'email'],
  ['emailAddress', 'email'],
  ['Email Address', 'email'],
  ['Id', 'id'],
  ['ID', 'id'],
  ['leadId', 'id'],
  ['lead_id', 'id'],
  ['foreign_sys_person_id', 'foreignSysPersonId'],
  ['ForeignSysPersonId', 'foreignSysPersonId'],
  ['foreignSysPersonID', 'foreignSysPersonId'],
  ['foreignSystemPersonId', 'foreignSysPersonId'],
  ['foreignSystype', 'foreignSysType'],
  ['marketo_cookie', 'marketoCookie'],
  ['cookie', 'marketoCookie'],
  ['_mkto_trk', 'marketoCookie'],
  ['returnlead', 'returnLead'],
  ['return_lead', 'returnLead'],
  ['retrunLead', 'returnLead'],
  ['atributes', 'attributes'],
  ['attribute', 'attributes'],
  ['Attributes', 'attributes'],
  ['attributelist', 'attributeList'],
  ['leadAttributeList', 'attributeList'],
  ['workspaces', 'workspace'],
  ['work-space', 'workspace'],
])('%s: did you mean %s?', async (member, meant) => {
  expect(await detailOf(member)).toBe(`${UNKNOWN}; did you mean ${meant}?`);
});

testEvery(3, [
  'firstName',
  'FirstName',
  'first_name',
  'First Name',
  'company',
  'phone',
  'Größe',
  'lookupField',
  'custom__c',
])('a field at the top level belongs under attributes: %s', async (member) => {
  expect(await detailOf(member)).toBe(`${UNKNOWN}; if it is a field of the lead, put it under attributes`);
});

test.each<[string, unknown]>([
  ['leads', [{ email: 'jane@example.com' }]],
  ['input', [{ email: 'jane@example.com' }, { email: 'john@example.com' }]],
  ['records', [null, {}]],
])('one request is one lead, not a list under %s', async (member, value) => {
  expect(await detailOf(member, value)).toBe(
    `${UNKNOWN}; a request holds one lead; PUT /leads/batch takes many`,
  );
});

test('a member with a name that is too long to repeat is told from the lead', async () => {
  const { url } = await startApp({ directory: unreachable });
  const long = 'n'.repeat(400);
  const { json } = await putLead(url, { email: 'jane@example.com', [long]: 1, attributes: { [long]: '1' } });
  expect(json['errors']).toEqual([
    {
      pointer: '#/attributes',
      detail: "has a name that is too long to repeat: an attribute's name must have at most 255 characters",
    },
    { pointer: '#', detail: 'has a name that is too long to repeat; it is not a member of a lead' },
  ]);
});

test('a lead inside of another object belongs at the top level', async () => {
  expect(await detailOf('lead', { email: 'jane@example.com' })).toBe(
    `${UNKNOWN}; send its members at the top level`,
  );
});

testEvery<[string, unknown]>(3, [
  ['__proto__', {}],
  ['constructor', 'x'],
  ['hasOwnProperty', 'x'],
  ['', 'x'],
  ['\u0007', 'x'],
  ['a\uD800', 'x'],
  ['<script>', 'x'],
  ['name'.repeat(70), 'x'],
  ['tags', ['a', 'b']],
  ['options', { dryRun: true }],
])('nothing is suggested for what cannot be a field or its value: %j', async (member, value) => {
  expect(await detailOf(member, value)).toBe(UNKNOWN);
});

test('of 90,000 unknown members a thousand are listed, and all counted', async () => {
  const { url } = await startApp({ directory: unreachable });
  const members = Array.from({ length: 90_000 }, (_, at) => `"m${at}":0`);
  const answer = await putLead(url, `{"id":0,${members.join(',')}}`);
  expect(answer.json['errors']).toHaveLength(1000);
  expect(answer.json['detail']).toMatch(/^90001 members are not valid\. .* And 89998 more\./);
});

test('a list where the map belongs, and a map where the list belongs, are reported with the right member', async () => {
  const { url } = await startApp({ directory: unreachable });
  const answer = await putLead(url, {
    id: 1,
    attributes: [{ name: 'A', value: 1 }],
    attributeList: { A: 1 },
  });
  expect(answer.json['errors']).toEqual([
    {
      pointer: '#/attributes',
      detail: 'must be an object of names and values; a list goes into attributeList',
    },
    {
      pointer: '#/attributeList',
      detail: 'must be a list of objects with name and value; a map goes into attributes',
    },
  ]);
});

testEvery(3, [
  ['size', undefined],
  ['sit', undefined],
  ['site', 'Site'],
  ['CITY', 'City'],
  ['citty', undefined],
  ['x'.repeat(10_000), undefined],
  ['', undefined],
  ['toString', undefined],
])('of Site and City %j is nearest to %j: short names have to be the same', (name, nearest) => {
  expect(nearestName(name, ['Site', 'City'])).toBe(nearest);
});
