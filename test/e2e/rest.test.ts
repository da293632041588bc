import { describe, expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import { startQuickClock } from '../support/virtual-clock.ts';
import {
  CLIENT_SECRET,
  refuse,
  type RestBehaviour,
  sendJson,
  startRestUpstream,
  succeed,
} from '../support/rest-upstream.ts';

async function start(behaviour: RestBehaviour = {}, env: Readonly<Record<string, string>> = {}) {
  const upstream = await startRestUpstream(behaviour);
  const gateway = await startTestGateway({ ...upstream.env, ...env });
  return { upstream, gateway };
}

const FOREIGN = {
  MARKETO_FOREIGN_ID_FIELDS:
    '{"CUSTOM":"crmPersonId","NETSUITE":"netsuiteId","SFDC":"sfdcLeadId|sfdcContactId"}',
};
const COOKIE = 'id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169';

describe('a lead with an email', () => {
  test('is created by one call, with a token in its header', async () => {
    const { upstream, gateway } = await start();
    const answer = await gateway.putLead({ email: 'jane@example.com' });
    expect(answer.status).toBe(201);
    expect(answer.text).toBe('{"leadId":1000001,"status":"CREATED"}');
    const [token, call] = upstream.calls;
    expect(token).toMatchObject({
      method: 'POST',
      url: '/identity/oauth/token',
      body: `grant_type=client_credentials&client_id=client-for-tests&client_secret=${CLIENT_SECRET}`,
    });
    expect(token?.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(call?.url).toBe('/rest/v1/leads.json');
    expect(call?.headers).toMatchObject({
      authorization: 'Bearer token-1',
      'content-type': 'application/json',
      'x-request-id': answer.headers.get('x-request-id'),
    });
    expect(call?.body).toBe(
      '{"action":"createOrUpdate","lookupField":"email","input":[{"email":"jane@example.com"}]}',
    );
  });

  test('has its attributes by the names and types of Describe, which is read once', async () => {
    const { upstream, gateway } = await start();
    const attributes = { FirstName: 'Jane', LeadScore: 62, Unsubscribed: '1', lastName: null };
    await gateway.putLead({ email: 'a@example.com', attributes });
    await gateway.putLead({ email: 'b@example.com', attributes });
    expect(upstream.paths()).toEqual([
      'GET /rest/v1/leads/describe.json',
      'POST /rest/v1/leads.json',
      'POST /rest/v1/leads.json',
    ]);
    expect(upstream.syncs()[0].input).toEqual([
      { email: 'a@example.com', firstName: 'Jane', leadScore: 62, unsubscribed: true, lastName: null },
    ]);
  });

  test('that was there is updated', async () => {
    const { gateway } = await start({
      call: (response) => succeed(response, [{ id: 7, status: 'updated' }]),
    });
    const { status, text } = await gateway.putLead({ email: 'jane@example.com' });
    expect([status, text]).toEqual([200, '{"leadId":7,"status":"UPDATED"}']);
  });

  test('goes with its partition, and without one for the default workspace', async () => {
    const { upstream, gateway } = await start({}, { MARKETO_WORKSPACE_PARTITIONS: '{"EMEA":"Europe"}' });
    await gateway.putLead({ email: 'a@example.com', workspace: 'emea' });
    await gateway.putLead({ email: 'b@example.com', workspace: 'default' });
    const refused = await gateway.putLead({ email: 'c@example.com', workspace: 'Mars' });
    expect(upstream.syncs().map(({ partitionName }) => partitionName)).toEqual(['Europe', undefined]);
    expect(refused.body).toMatchObject({
      status: 422,
      type: expect.stringMatching(/lead-rejected$/),
      errors: [{ pointer: '#/workspace' }],
    });
  });

  test('that is in another partition is updated there', async () => {
    const { upstream, gateway } = await start(
      {
        call: (response, { url }, nth) => {
          if (nth === 0) {
            return succeed(response, [{ status: 'skipped', reasons: [{ code: '1010', message: 'no' }] }]);
          }
          return url.includes('filterType')
            ? succeed(response, [{ id: 77, email: 'A@example.com' }])
            : succeed(response, [{ id: 77, status: 'updated' }]);
        },
      },
      { MARKETO_WORKSPACE_PARTITIONS: '{"EMEA":"Europe"}' },
    );
    const { text } = await gateway.putLead({ email: 'a@example.com', workspace: 'EMEA' });
    expect(text).toBe('{"leadId":77,"status":"UPDATED"}');
    expect(upstream.paths()[1]).toBe(
      'GET /rest/v1/leads.json?filterType=email&filterValues=a%40example.com&fields=id,email',
    );
    expect(upstream.syncs()[1]).toEqual({
      action: 'updateOnly',
      lookupField: 'id',
      input: [{ id: 77, email: 'a@example.com' }],
    });
  });
});

describe('the strongest key decides', () => {
  test('id', async () => {
    const { upstream, gateway } = await start({}, FOREIGN);
    await gateway.putLead({
      id: 5,
      email: 'a@example.com',
      foreignSysPersonId: '42',
      foreignSysType: 'NETSUITE',
    });
    expect(upstream.syncs()).toEqual([
      { action: 'updateOnly', lookupField: 'id', input: [{ id: 5, email: 'a@example.com', netsuiteId: 42 }] },
    ]);
  });

  test('a foreign id whose field can be written', async () => {
    const { upstream, gateway } = await start({}, FOREIGN);
    await gateway.putLead({ email: 'a@example.com', foreignSysPersonId: 'C,1', foreignSysType: 'CUSTOM' });
    expect(upstream.paths()).toEqual([
      'GET /rest/v1/leads/describe.json',
      'GET /rest/v1/leads/describe2.json',
      'POST /rest/v1/leads.json',
    ]);
    expect(upstream.syncs()).toEqual([
      {
        action: 'createOrUpdate',
        lookupField: 'crmPersonId',
        input: [{ email: 'a@example.com', crmPersonId: 'C,1' }],
      },
    ]);
  });

  test('a foreign id whose field is read-only: the lead is found first', async () => {
    const found: unknown[] = [];
    const { upstream, gateway } = await start(
      { call: (response, { url }) => (url.includes('filterType') ? succeed(response, found) : undefined) },
      FOREIGN,
    );
    const lead = { email: 'a@example.com', foreignSysPersonId: '00Q1', foreignSysType: 'SFDC' };
    expect((await gateway.putLead(lead)).body).toMatchObject({
      status: 422,
      errors: [{ pointer: '#/foreignSysPersonId' }],
    });
    found.push({ id: 9, sfdcLeadId: '00Q1' });
    expect((await gateway.putLead(lead)).status).toBe(201);
    expect(upstream.syncs()).toEqual([
      { action: 'updateOnly', lookupField: 'id', input: [{ id: 9, email: 'a@example.com' }] },
    ]);
    const comma = await gateway.putLead({ foreignSysPersonId: '00Q,1', foreignSysType: 'SFDC' });
    expect(comma.body).toMatchObject({
      type: expect.stringMatching(/validation-failed$/),
      errors: [{ pointer: '#/foreignSysPersonId' }],
    });
  });

  test('a cookie beside a stronger key is linked afterwards', async () => {
    const { upstream, gateway } = await start();
    expect((await gateway.putLead({ id: 5, marketoCookie: COOKIE })).status).toBe(201);
    const associate = upstream.calls.at(-1);
    expect(associate).toMatchObject({
      method: 'POST',
      url: `/rest/v1/leads/1000001/associate.json?cookie=${encodeURIComponent(COOKIE)}`,
      body: '',
    });
    expect(associate?.headers['content-type']).toBe('application/json');
  });

  test('a cookie alone finds its lead, or needs an email', async () => {
    const { upstream, gateway } = await start();
    expect((await gateway.putLead({ marketoCookie: COOKIE })).body).toMatchObject({
      status: 422,
      type: expect.stringMatching(/lead-rejected$/),
      errors: [{ pointer: '#/marketoCookie' }],
    });
    expect(upstream.paths()).toEqual([
      `GET /rest/v1/leads.json?filterType=cookies&filterValues=${encodeURIComponent(COOKIE)}&fields=id,cookies`,
    ]);
  });
});

test('a lead in a workspace that is found by its id must be in its partition', async () => {
  const { upstream, gateway } = await start(
    {
      call: (response, { url }) => {
        if (!url.includes('filterType=id')) return undefined;
        const id = Number(/filterValues=(\d+)/.exec(url)?.[1]);
        return succeed(response, [{ id, leadPartitionId: id }]);
      },
    },
    { MARKETO_WORKSPACE_PARTITIONS: '{"EMEA":"Europe"}' },
  );
  expect((await gateway.putLead({ id: 2, workspace: 'EMEA' })).status).toBe(201);
  expect((await gateway.putLead({ id: 1, workspace: 'EMEA' })).body).toMatchObject({
    status: 422,
    errors: [{ pointer: '#/workspace' }],
  });
  expect(upstream.paths().slice(0, 2)).toEqual([
    'GET /rest/v1/leads/partitions.json',
    'GET /rest/v1/leads.json?filterType=id&filterValues=2&fields=id,leadPartitionId',
  ]);
});

describe('returnLead', () => {
  const stored =
    '{"id":1000001,"email":"a@example.com","firstName":"Jane","lastName":null,"leadScore":62,"unsubscribed":false,"leadPartitionId":12345678901234567890,"crmPersonId":"C1"}';
  const behaviour = (answer: string): RestBehaviour => ({
    call: (response, { url }) =>
      url.includes('filterType=id')
        ? sendJson(response, `{"requestId":"a#b","success":true,"result":[${answer}]}`)
        : undefined,
  });
  test('reads the lead back with every field that has a SOAP name', async () => {
    const { upstream, gateway } = await start(behaviour(stored), FOREIGN);
    const { status, body } = await gateway.putLead({ email: 'a@example.com', returnLead: true });
    expect(status).toBe(201);
    expect(body).toEqual({
      leadId: 1_000_001,
      status: 'CREATED',
      lead: {
        id: 1_000_001,
        email: 'a@example.com',
        foreignSysPersonId: 'C1',
        foreignSysType: 'CUSTOM',
        attributes: {
          FirstName: 'Jane',
          LeadScore: 62,
          Unsubscribed: false,
          'Lead Partition ID': '12345678901234567890',
        },
      },
    });
    expect(upstream.paths().at(-1)).toMatch(/fields=id,email,firstName,lastName,leadScore,unsubscribed,/);
  });
  test('answers without the lead if it is gone', async () => {
    const { gateway } = await start(behaviour(''));
    expect((await gateway.putLead({ email: 'a@example.com', returnLead: true })).body).toEqual({
      leadId: 1_000_001,
      status: 'CREATED',
    });
  });
  test('says that the lead was stored if it cannot be read', async () => {
    const { gateway } = await start(
      { call: (response, { url }) => (url.includes('filterType') ? refuse(response, '608') : undefined) },
      { REQUEST_DEADLINE_MS: '1500' },
    );
    const { body } = await gateway.putLead({ email: 'a@example.com', returnLead: true });
    expect(body).toMatchObject({
      retryable: true,
      type: expect.stringMatching(/upstream-(?:error|timeout)$/),
    });
    expect(body.detail).toMatch(/ The lead was stored \(id 1000001\); it could not be read back\.$/);
  });
});

describe('a cookie that cannot be linked', () => {
  test('for good', async () => {
    const { gateway } = await start({
      call: (response, { url }) =>
        url.includes('associate') ? refuse(response, '1012', "Invalid cookie value 'x'") : undefined,
    });
    const { body } = await gateway.putLead({ id: 5, marketoCookie: COOKIE });
    expect(body).toMatchObject({
      status: 422,
      errors: [{ pointer: '#/marketoCookie' }],
      upstream: { code: 1012, message: "Invalid cookie value 'x'", requestId: '3f1a#199c82cc400' },
    });
    expect(body.detail).toMatch(/ The lead was stored \(id 1000001\); its cookie was not linked yet\.$/);
  });
});

describe('names', () => {
  test('that Marketo does not have are refused with pointers, and nothing is sent', async () => {
    const { upstream, gateway } = await start();
    const { body } = await gateway.putLead({ email: 'a@example.com', attributes: { Nope: 1, Other: 2 } });
    expect(body).toMatchObject({
      status: 422,
      type: expect.stringMatching(/unknown-attribute$/),
      errors: [{ pointer: '#/attributes/Nope' }, { pointer: '#/attributes/Other' }],
    });
    expect(upstream.paths()).toEqual(['GET /rest/v1/leads/describe.json']);
  });
  test('are those of MARKETO_FIELD_NAMES first', async () => {
    const { upstream, gateway } = await start({}, { MARKETO_FIELD_NAMES: '{"Given":"firstName"}' });
    await gateway.putLead({ email: 'a@example.com', attributes: { Given: 'Jane' } });
    expect(upstream.syncs()[0].input).toEqual([{ email: 'a@example.com', firstName: 'Jane' }]);
  });
});

test('metrics name the operations of the API and count its codes', async () => {
  const { gateway } = await start({
    call: (response, { body }) =>
      body.includes('refused@')
        ? succeed(response, [{ status: 'skipped', reasons: [{ code: '1007', message: 'several' }] }])
        : undefined,
  });
  await gateway.putLead({ email: 'a@example.com', returnLead: true });
  await gateway.putLead({ email: 'refused@example.com' });
  const { text } = await gateway.request('GET', '/metrics');
  expect(text).toContain(
    'lead_gateway_upstream_calls_total{operation="syncLeads",outcome="answered",upstream="rest"} 2',
  );
  expect(text).toContain(
    'lead_gateway_upstream_calls_total{operation="describeLeads",outcome="answered",upstream="rest"} 1',
  );
  expect(text).toContain(
    'lead_gateway_upstream_calls_total{operation="findLeads",outcome="answered",upstream="rest"} 1',
  );
  expect(text).toContain('lead_gateway_upstream_faults_total{code="1007",upstream="rest"} 1');
});

test('no log has the value that Marketo refuses', async () => {
  const { gateway } = await start({
    call: (response) =>
      succeed(response, [
        {
          status: 'skipped',
          reasons: [
            { code: '1003', message: "Invalid value for field 'email' and value 'private@example.com'" },
          ],
        },
      ]),
  });
  const { body } = await gateway.putLead({ email: 'private@example.com' });
  expect(body.upstream.message).toContain('private@example.com');
  expect(gateway.logs.join('')).not.toContain('private@example.com');
});

test('the sandbox stands in by its REST face', async () => {
  const gateway = await startTestGateway({ MARKETO_UPSTREAM: 'rest' });
  const lead = { email: 'jane@example.com', attributes: { FirstName: 'Jane' }, returnLead: true };
  const { status, body } = await gateway.putLead(lead);
  expect([status, body.lead.attributes.FirstName]).toEqual([201, 'Jane']);
  const listed: any = await (await fetch(`${gateway.sandboxUrl}/_sandbox/leads`)).json();
  expect(listed.leads).toMatchObject([{ email: 'jane@example.com' }]);
});

test('40 parallel requests for one new email make one lead', async () => {
  const gateway = await startTestGateway(
    { MARKETO_UPSTREAM: 'rest', MARKETO_MAX_CALLS_PER_20S: '90' },
    startQuickClock(),
  );
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      gateway.putLead({ email: 'one@example.com', attributes: { FirstName: `Name ${index}` } }),
    ),
  );
  const stored = answers.filter(({ status }) => status < 300);
  expect(stored.filter(({ status }) => status === 201)).toHaveLength(1);
  expect(new Set(stored.map(({ body }) => body.leadId)).size).toBe(1);
  const listed: any = await (await fetch(`${gateway.sandboxUrl}/_sandbox/leads`)).json();
  expect(listed.leads).toHaveLength(1);
});
