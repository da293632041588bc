import { describe, expect, test } from 'vitest';
import {
  bearer,
  type Entry,
  ORIGIN,
  PUBLISHABLE,
  SECRET,
  startKeyedGateway,
  startTestGateway,
  type TestGateway,
} from '../support/gateway.ts';
import { TEST_KEYS } from '../support/recordings.ts';
import { startTestSandbox } from '../support/sandbox.ts';

const UPSTREAMS = [
  ['SOAP', {}],
  ['REST', { MARKETO_UPSTREAM: 'rest' }],
] as const;

test.each(UPSTREAMS)('a lead is looked up by email by %s', async (_name, env) => {
  const gateway = await startTestGateway(env);
  const attributes = { FirstName: 'Jane', LastName: 'Doe', LeadScore: 62 };
  await gateway.putLead({ email: 'jane@example.com', attributes });
  const all = await gateway.request('GET', '/leads?email=Jane@Example.com');
  expect(all.status).toBe(200);
  expect(all.body.leads).toMatchObject([
    { id: 1000001, email: 'jane@example.com', foreignSysPersonId: null, foreignSysType: null, attributes },
  ]);
  const some = await gateway.request('GET', '/leads?email=jane@example.com&fields=LeadScore,FirstName');
  expect(some.body.leads[0].attributes).toEqual({ FirstName: 'Jane', LeadScore: 62 });
});

test.each(UPSTREAMS)('the list is empty where no lead has the key by %s', async (_name, env) => {
  const gateway = await startTestGateway(env);
  expect(await gateway.request('GET', '/leads?email=jane@example.com')).toMatchObject({
    status: 200,
    body: { leads: [] },
  });
});

describe('permissions', () => {
  const start = (entries: readonly Entry[]) => startKeyedGateway(entries);
  const get = (gateway: TestGateway, query: string, key: string, headers = {}) =>
    gateway.request('GET', `/leads?${query}`, { headers: { ...bearer(key), ...headers } });

  test('a key needs returnLead', async () => {
    const gateway = await start([{ ...SECRET, returnLead: false }]);
    expect(await get(gateway, 'email=jane@example.com', TEST_KEYS.secret)).toMatchObject({
      status: 403,
      body: { detail: 'This key may not look leads up: it needs the permission returnLead.' },
    });
  });

  test.each([
    ['id=7', 'byId', '#/id'],
    ['foreignSysPersonId=00Q1&foreignSysType=SFDC', 'byForeignId', '#/foreignSysPersonId'],
    ['sfdcAccountId=1', 'byForeignId', '#/sfdcAccountId'],
    ['sfdcLeadOwnerId=1', 'byForeignId', '#/sfdcLeadOwnerId'],
    ['sfdcOpptyId=1', 'byForeignId', '#/sfdcOpptyId'],
  ])('to look up by %s it needs %s', async (query, permission, pointer) => {
    const gateway = await start([{ ...SECRET, [permission]: false }]);
    const { status, body } = await get(gateway, query, TEST_KEYS.secret);
    expect(status).toBe(403);
    expect(body.detail).toContain(`it needs the permission ${permission}.`);
    expect(body.errors).toMatchObject([{ pointer }]);
    expect((await get(gateway, 'email=jane@example.com', TEST_KEYS.secret)).status).toBe(200);
  });

  test('a publishable key may not look leads up, whatever it asks', async () => {
    const gateway = await start([PUBLISHABLE]);
    for (const query of ['email=jane@example.com', 'shoe=1', '']) {
      expect(await get(gateway, query, TEST_KEYS.publishable, { origin: ORIGIN })).toMatchObject({
        status: 403,
        body: { detail: expect.stringContaining('publishable') },
      });
    }
  });
});

describe.each(['SOAP', 'REST'])('by %s', (name) => {
  const COOKIE = 'id:287-GTJ-838&token:_mch-example.com-1396310362214-46169';
  const FOREIGN_IDS = '{"CUSTOM":"crmPersonId","NETSUITE":"netsuiteId","SFDC":"sfdcLeadId|sfdcContactId"}';

  /** A gateway by this API, and one by REST, in front of one sandbox. */
  async function startBoth() {
    const sandbox = await startTestSandbox({ limits: 'off' });
    const rest = {
      MARKETO_REST_ENDPOINT: sandbox.restEndpoint,
      MARKETO_CLIENT_ID: 'sandbox',
      MARKETO_CLIENT_SECRET: 'sandbox-client-secret',
      MARKETO_FOREIGN_ID_FIELDS: FOREIGN_IDS,
    };
    return {
      sandbox,
      writer: await startTestGateway(rest),
      gateway: await startTestGateway(name === 'SOAP' ? sandbox.env : rest),
    };
  }

  test('leads are found by every key, each with all that it has', async () => {
    const { sandbox, writer, gateway } = await startBoth();
    await writer.putLead({ email: 'a@example.com', attributes: { FirstName: 'Ann', sfdcAccountId: '001x' } });
    await sandbox.sync('<Email>c@example.com</Email>', { cookie: COOKIE.replaceAll('&', '&amp;') });
    await writer.putLead({
      foreignSysPersonId: '00Q1',
      foreignSysType: 'SFDC',
      attributes: { sfdcAccountId: '001x', sfdcLeadOwnerId: '005x', sfdcOpptyId: '006x' },
    });
    await writer.putLead({ foreignSysPersonId: '0031', foreignSysType: 'SFDC' });
    const idsBy = async (query: string) => {
      const { status, body } = await gateway.request('GET', `/leads?${query}`);
      expect([query, status]).toEqual([query, 200]);
      return body.leads.map(({ id }: { id: number }) => id - 1_000_000);
    };
    expect(await idsBy('id=1000001')).toEqual([1]);
    expect(await idsBy('id=77')).toEqual([]);
    expect(await idsBy('email=A@Example.com')).toEqual([1]);
    expect(await idsBy(`marketoCookie=${encodeURIComponent(COOKIE)}`)).toEqual([2]);
    expect(await idsBy('foreignSysPersonId=00Q1&foreignSysType=SFDC')).toEqual([3]);
    expect(await idsBy('foreignSysPersonId=0031&foreignSysType=SFDC')).toEqual([4]);
    expect(await idsBy('sfdcAccountId=001x')).toEqual([1, 3]);
    expect(await idsBy('sfdcLeadOwnerId=005x')).toEqual([3]);
    expect(await idsBy('sfdcOpptyId=006x')).toEqual([3]);
    expect(await idsBy('sfdcOpptyId=no')).toEqual([]);
    const { body } = await gateway.request('GET', '/leads?foreignSysPersonId=00Q1&foreignSysType=SFDC');
    expect(body.leads[0]).toMatchObject({ foreignSysPersonId: '00Q1', foreignSysType: 'SFDC' });
  });

  test('several leads with one address are all found', async () => {
    const { sandbox, gateway } = await startBoth();
    for (const id of ['F1', 'F2'])
      await sandbox.sync(
        `<Email>a@example.com</Email><ForeignSysPersonId>${id}</ForeignSysPersonId><ForeignSysType>CUSTOM</ForeignSysType>`,
      );
    const { body } = await gateway.request('GET', '/leads?email=a@example.com');
    expect(body.leads.map(({ foreignSysPersonId }: any) => foreignSysPersonId)).toEqual(['F1', 'F2']);
  });

  test('an id of Salesforce needs a prefix that tells what it is of', async () => {
    const { gateway } = await startBoth();
    const { status, body } = await gateway.request('GET', '/leads?foreignSysPersonId=1&foreignSysType=SFDC');
    expect([status, body.errors[0].pointer]).toEqual([422, '#/foreignSysPersonId']);
  });

  test('attributes come as a list as well, if the caller prefers that, and no cache keeps the answer', async () => {
    const { writer, gateway } = await startBoth();
    await writer.putLead({ email: 'a@example.com', attributes: { FirstName: 'Ann' } });
    const { headers, body } = await gateway.request('GET', '/leads?email=a@example.com&fields=FirstName', {
      headers: { prefer: 'attributes=list' },
    });
    expect(body.leads[0].attributeList).toEqual([{ name: 'FirstName', value: 'Ann' }]);
    expect(headers.get('preference-applied')).toBe('attributes=list');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('server-timing')).toMatch(/^wait;dur=/);
  });
});

test.each(['CUSTOM', 'NETSUITE'])('by SOAP no lead is looked up by an id of %s', async (type) => {
  const gateway = await startTestGateway();
  expect(await gateway.request('GET', `/leads?foreignSysPersonId=1&foreignSysType=${type}`)).toMatchObject({
    status: 422,
    body: {
      type: expect.stringMatching(/validation-failed$/),
      errors: [{ pointer: '#/foreignSysType', detail: "Marketo's SOAP API cannot look up by this type" }],
    },
  });
});

test('by REST a comma and an unknown field are refused, and ids of a mapped type are found', async () => {
  const gateway = await startTestGateway({
    MARKETO_UPSTREAM: 'rest',
    MARKETO_FOREIGN_ID_FIELDS: '{"CUSTOM":"crmPersonId"}',
  });
  await gateway.putLead({ foreignSysPersonId: 'c1', foreignSysType: 'CUSTOM', email: 'a@example.com' });
  const get = (query: string) => gateway.request('GET', `/leads?${query}`);
  expect((await get('foreignSysPersonId=c1&foreignSysType=CUSTOM')).body.leads).toMatchObject([
    { email: 'a@example.com', foreignSysPersonId: 'c1', foreignSysType: 'CUSTOM' },
  ]);
  const comma = await get('sfdcAccountId=1,2');
  expect([comma.status, comma.body.errors[0].pointer]).toEqual([422, '#/sfdcAccountId']);
  const unknown = await get('email=a@example.com&fields=FirstName,pants,LeadScor');
  expect([unknown.status, unknown.body.type]).toEqual([422, expect.stringMatching(/unknown-attribute$/)]);
  const noField = 'has a name that no field in Marketo has:';
  expect(unknown.body.errors).toEqual([
    { pointer: '#/fields', detail: `${noField} LeadScor; did you mean LeadScore?` },
    { pointer: '#/fields', detail: `${noField} pants` },
  ]);
  expect(unknown.body.detail).toContain('named LeadScor, pants. Did you mean LeadScore for LeadScor? Check');
  const unmapped = await get('foreignSysPersonId=1&foreignSysType=NETSUITE');
  expect([unmapped.status, unmapped.body.errors[0].pointer]).toEqual([422, '#/foreignSysType']);
});
