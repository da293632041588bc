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
