import { beforeEach, describe, expect, test } from 'vitest';
import { type RestClient, restClient } from '../../support/rest.ts';
import { startStillSandbox, type StillSandbox } from '../../support/sandbox.ts';
import { A, B, COOKIE, FIRST } from './results.ts';

let sandbox: StillSandbox;
let rest: RestClient;

beforeEach(async () => {
  sandbox = await startStillSandbox();
  rest = restClient(sandbox);
});

const post = (path: string, body?: unknown) => rest.request('POST', path, body === undefined ? {} : { body });
const associate = (id: number | string, cookie: string) =>
  post(`/leads/${id}/associate.json?cookie=${encodeURIComponent(cookie)}`);

const errorOf = ({ status, json: { requestId, ...others } }: { status: number; json: any }) => [
  status,
  typeof requestId,
  others,
];
const error = (code: string, message: string) => [
  200,
  'string',
  { success: false, errors: [{ code, message }] },
];

describe('one lead by its id', () => {
  test('with the usual fields or those asked for', async () => {
    await rest.results([{ email: A, firstName: 'Ann' }]);
    const usual = (await rest.request('GET', `/lead/${FIRST}.json`)).json.result;
    expect(Object.keys(usual[0])).toEqual(['id', 'firstName', 'lastName', 'email', 'updatedAt', 'createdAt']);
    const asked = (await rest.request('GET', `/lead/${FIRST}.json?fields=email&fields=leadScore`)).json
      .result;
    expect(asked).toEqual([{ id: FIRST, email: A, leadScore: null }]);
  });

  test.each(['7', 'abc', '99999999999'])('%s: not found', async (id) => {
    expect(errorOf(await rest.request('GET', `/lead/${id}.json`))).toEqual(
      error('1004', `Lead '${id}' not found`),
    );
  });

  test('a field that there is not', async () => {
    expect(errorOf(await rest.request('GET', '/lead/7.json?fields=pants'))).toEqual(
      error('1006', "Field 'pants' not found"),
    );
  });
});

describe('associate', () => {
  test('links a cookie; the answer has no result', async () => {
    await rest.results([{ email: A }]);
    const answer = await associate(FIRST, COOKIE);
    expect(answer.text).toMatch(/^\{"requestId":"[\da-f]+#[\da-f]+","success":true\}$/);
    expect(await rest.find('cookies', COOKIE, 'email')).toEqual([{ id: FIRST, email: A }]);
  });

  test('takes it from another lead, anonymous or known', async () => {
    await sandbox.control('POST', '/visits', { cookie: COOKIE });
    await rest.results([{ email: A }, { email: B }]);
    for (const id of [FIRST + 1, FIRST + 2]) {
      await associate(id, COOKIE);
      expect((await rest.find('cookies', COOKIE)).map((lead) => lead.id)).toEqual([id]);
    }
  });

  test('again changes nothing', async () => {
    await rest.results([{ email: A }]);
    await associate(FIRST, COOKIE);
    expect((await associate(FIRST, COOKIE)).json.success).toBe(true);
    expect(await sandbox.leads()).toMatchObject([{ cookies: [COOKIE] }]);
  });

  test('a malformed cookie, or none', async () => {
    await rest.results([{ email: A }]);
    expect(errorOf(await associate(FIRST, 'c1'))).toEqual(error('1012', "Invalid cookie value 'c1'"));
    expect(errorOf(await post(`/leads/${FIRST}/associate.json`))).toEqual(
      error('1012', "Invalid cookie value ''"),
    );
  });

  test('a lead that there is not', async () => {
    expect(errorOf(await associate(7, COOKIE))).toEqual(error('1004', "Lead '7' not found"));
  });
});

describe('merge', () => {
  test('the lead keeps its values, takes those it lacks and all cookies; the other is gone', async () => {
    await rest.results([
      { email: A, firstName: 'Ann' },
      { email: B, firstName: 'Bea', lastName: 'Bell', crmPersonId: 'C1', cookies: COOKIE },
      { email: 'c@example.com', phone: '1' },
    ]);
    const answer = await post(`/leads/${FIRST}/merge.json?leadId=${FIRST + 1}`);
    expect(answer.text).toMatch(/^\{"requestId":"[\da-f]+#[\da-f]+","success":true\}$/);
    expect(await sandbox.leads()).toMatchObject([
      {
        id: FIRST,
        email: A,
        foreignSysPersonId: 'C1',
        cookies: [COOKIE],
        attributes: { FirstName: 'Ann', LastName: 'Bell' },
      },
      { id: FIRST + 2 },
    ]);
    expect(await rest.find('email', B)).toEqual([]);
  });

  test('several at once', async () => {
    await rest.results([
      { email: A },
      { email: B, phone: '1' },
      { email: 'c@example.com', phone: '2', fax: '3' },
    ]);
    await post(`/leads/${FIRST}/merge.json?leadIds=${FIRST + 1},${FIRST + 2}&mergeInCRM=false`);
    expect(await sandbox.leads()).toMatchObject([{ attributes: { Phone: '1', Fax: '3' } }]);
  });

  test('what there is not, on either side', async () => {
    await rest.results([{ email: A }]);
    expect(errorOf(await post(`/leads/7/merge.json?leadId=${FIRST}`))).toEqual(
      error('1004', "Lead '7' not found"),
    );
    expect(errorOf(await post(`/leads/${FIRST}/merge.json?leadIds=${FIRST},8`))).toEqual(
      error('1004', "Lead '8' not found"),
    );
    expect(await sandbox.leads()).toHaveLength(1);
  });

  test('without another lead, or with itself', async () => {
    await rest.results([{ email: A }]);
    expect((await post(`/leads/${FIRST}/merge.json`)).code).toBe('1003');
    expect((await post(`/leads/${FIRST}/merge.json?leadId=${FIRST}`)).code).toBe('1003');
    expect(await sandbox.leads()).toHaveLength(1);
  });
});

describe('delete', () => {
  test.each([
    ['POST', '/leads/delete.json'],
    ['DELETE', '/leads.json'],
    ['POST', '/leads.json?_method=DELETE'],
  ])('%s %s deletes by the ids in the body, one result each', async (method, path) => {
    await rest.results([{ email: A }, { email: B }]);
    const body = { input: [{ id: FIRST + 1 }, { id: 7 }, {}] };
    const { json } = await rest.request(method, path, { body });
    const notFound = { status: 'skipped', reasons: [{ code: '1004', message: 'Lead not found' }] };
    expect(json).toEqual({
      requestId: expect.any(String),
      success: true,
      result: [{ id: FIRST + 1, status: 'deleted' }, notFound, notFound],
    });
    expect((await sandbox.leads()).map((lead) => lead.email)).toEqual([A]);
  });

  test('by the ids in the query', async () => {
    await rest.results([{ email: A }, { email: B }]);
    await rest.request('DELETE', `/leads.json?id=${FIRST},${FIRST + 1}`);
    expect(await sandbox.leads()).toEqual([]);
  });

  test('frees the keys of the lead', async () => {
    const lead = { email: A, crmPersonId: 'C1', cookies: COOKIE };
    await rest.results([lead]);
    await rest.request('DELETE', `/leads.json?id=${FIRST}`);
    for (const lookupField of ['email', 'crmPersonId', 'cookies'] as const) {
      expect(await rest.find(lookupField, lead[lookupField])).toEqual([]);
    }
    expect(await rest.results([lead])).toEqual([{ id: FIRST + 1, status: 'created' }]);
  });

  test('without leads', async () => {
    for (const body of ['', '{}', '{"input":[]}']) {
      expect(errorOf(await rest.request('POST', '/leads/delete.json', { body }))).toEqual(
        error('1003', 'Leads not specified'),
      );
    }
  });
});
