import { beforeEach, describe, expect, test } from 'vitest';
import { problemType } from '../support/client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { controlOf, type SandboxLead } from '../support/sandbox.ts';

let gateway: TestGateway;

const control = (method: string, path: string, body?: unknown) =>
  controlOf(gateway.sandboxUrl)(method, path, body);

const leads = async (): Promise<SandboxLead[]> => (await control('GET', '/leads')).leads;

async function leadOf(id: number): Promise<SandboxLead> {
  return (await control('GET', `/leads/${id}`)) as SandboxLead;
}

async function put(lead: object): Promise<{ leadId: number; status: string }> {
  const answer = await gateway.putLead(lead);
  expect(answer.body).toMatchObject({ leadId: expect.any(Number) });
  expect(answer.status).toBe(answer.body.status === 'CREATED' ? 201 : 200);
  return answer.body;
}

beforeEach(async () => {
  gateway = await startTestGateway();
});

describe('syncLead: keys', () => {
  test('a lead that no key finds is inserted, and updated from then on', async () => {
    const created = await put({ email: 'a@b.c', attributes: { FirstName: 'A' } });
    const updated = await put({ email: 'a@b.c', attributes: { FirstName: 'B' } });
    expect(created.status).toBe('CREATED');
    expect(updated).toEqual({ leadId: created.leadId, status: 'UPDATED' });
    expect((await leadOf(created.leadId)).attributes).toMatchObject({ FirstName: 'B' });
  });

  test('Id wins over everything', async () => {
    const byId = await put({ email: 'id@b.c' });
    await put({ email: 'other@b.c', foreignSysPersonId: 'f1', foreignSysType: 'SFDC' });
    const result = await put({ id: byId.leadId, email: 'other@b.c', attributes: { City: 'Rom' } });
    expect(result).toEqual({ leadId: byId.leadId, status: 'UPDATED' });
    expect((await leadOf(byId.leadId)).attributes).toMatchObject({ City: 'Rom' });
  });

  test('a ForeignSysPersonId sent with an Id is written onto that lead', async () => {
    const { leadId } = await put({ email: 'a@b.c' });
    await put({ id: leadId, foreignSysPersonId: 'sf-1', foreignSysType: 'SFDC' });
    expect(await leadOf(leadId)).toMatchObject({ foreignSysPersonId: 'sf-1', foreignSysType: 'SFDC' });
    expect((await put({ foreignSysPersonId: 'sf-1', foreignSysType: 'SFDC' })).leadId).toBe(leadId);
  });

  test('without Id, ForeignSysPersonId wins and an Email sent with it is written onto that lead', async () => {
    const foreign = await put({ email: 'old@b.c', foreignSysPersonId: 'f1', foreignSysType: 'CUSTOM' });
    const other = await put({ email: 'new@b.c' });
    const result = await put({ email: 'new@b.c', foreignSysPersonId: 'f1', foreignSysType: 'CUSTOM' });
    expect(result).toEqual({ leadId: foreign.leadId, status: 'UPDATED' });
    expect((await leadOf(foreign.leadId)).email).toBe('new@b.c');
    expect((await leadOf(other.leadId)).email).toBe('new@b.c');
  });

  test('ForeignSysPersonId wins over the cookie', async () => {
    const foreign = await put({ foreignSysPersonId: 'f1', foreignSysType: 'CUSTOM' });
    await put({ email: 'c@b.c', marketoCookie: 'id:1&token:c' });
    const result = await put({
      foreignSysPersonId: 'f1',
      foreignSysType: 'CUSTOM',
      marketoCookie: 'id:1&token:c',
    });
    expect(result.leadId).toBe(foreign.leadId);
  });

  test('the cookie wins over Email', async () => {
    const byCookie = await put({ email: 'c@b.c', marketoCookie: 'id:1&token:c' });
    await put({ email: 'other@b.c' });
    const result = await put({ email: 'other@b.c', marketoCookie: 'id%3A1%26token%3Ac' });
    expect(result.leadId).toBe(byCookie.leadId);
  });

  test('an anonymous lead matched by its cookie becomes known', async () => {
    const visitor = await control('POST', '/visits', { cookie: 'id:1&token:v' });
    expect(visitor.anonymous).toBe(true);
    const result = await put({ email: 'v@b.c', marketoCookie: 'id:1&token:v' });
    expect(result).toEqual({ leadId: visitor.id, status: 'UPDATED' });
    expect(await leadOf(visitor.id)).toMatchObject({ anonymous: false, email: 'v@b.c' });
  });

  test('all keys but Email are unique', async () => {
    await put({ email: 'same@b.c', foreignSysPersonId: 'f1', foreignSysType: 'CUSTOM' });
    await put({ email: 'same@b.c', foreignSysPersonId: 'f2', foreignSysType: 'CUSTOM' });
    expect((await leads()).map(({ email }) => email)).toEqual(['same@b.c', 'same@b.c']);
    await put({ email: 'third@b.c', foreignSysPersonId: 'f2', foreignSysType: 'CUSTOM' });
    expect(await leads()).toHaveLength(2);
  });

  test('an unknown Id is answered with 404 (20103)', async () => {
    const answer = await gateway.putLead({ id: 7, email: 'a@b.c' });
    expect(answer.status).toBe(404);
    expect(answer.body).toMatchObject({ type: problemType('lead-not-found'), upstream: { code: 20103 } });
    expect(await leads()).toEqual([]);
  });

  test('returnLead returns the complete updated record', async () => {
    await gateway.putLead({ email: 'a@b.c', attributes: { FirstName: 'Jane', Unsubscribed: true } });
    const answer = await gateway.putLead({
      email: 'a@b.c',
      attributes: { LeadScore: 62, LastName: null },
      returnLead: true,
    });
    expect(answer.body).toEqual({
      leadId: expect.any(Number),
      status: 'UPDATED',
      lead: {
        id: answer.body.leadId,
        email: 'a@b.c',
        foreignSysPersonId: null,
        foreignSysType: null,
        attributes: { FirstName: 'Jane', Unsubscribed: true, LeadScore: 62 },
      },
    });
  });
});

describe('syncLead: workspaces enabled and the header sent', () => {
  test('a new lead goes to the partition an assignment rule names', async () => {
    await control('PUT', '/assignment-rules', {
      rules: [{ attribute: 'Country', equals: 'France', partition: 'EMEA' }],
    });
    const { leadId } = await put({ email: 'a@b.c', attributes: { Country: 'France' }, workspace: 'Europe' });
    expect((await leadOf(leadId)).partition).toBe('EMEA');
  });

  test('else a new lead goes to the primary partition of the named workspace', async () => {
    const { leadId } = await put({ email: 'a@b.c', workspace: 'Europe' });
    expect((await leadOf(leadId)).partition).toBe('Europe');
  });

  test('workspace names compare without case', async () => {
    const { leadId } = await put({ email: 'a@b.c', workspace: 'eUROPE' });
    expect((await leadOf(leadId)).partition).toBe('Europe');
  });

  test.each([
    ['Id', (id: number) => ({ id })],
    ['foreign id', () => ({ foreignSysPersonId: 'f1', foreignSysType: 'SFDC' })],
    ['cookie', () => ({ marketoCookie: 'id:1&token:x' })],
  ])('a lead matched by %s must be in the primary partition of the named workspace', async (_key, key) => {
    const { leadId } = await put({
      email: 'a@b.c',
      foreignSysPersonId: 'f1',
      foreignSysType: 'SFDC',
      marketoCookie: 'id:1&token:x',
      workspace: 'Europe',
    });
    const refused = await gateway.putLead({ ...key(leadId), workspace: 'Default' });
    expect(refused.status).toBe(422);
    expect(refused.body).toMatchObject({ type: problemType('lead-rejected'), upstream: { code: 20110 } });
    expect(await put({ ...key(leadId), workspace: 'Europe' })).toEqual({ leadId, status: 'UPDATED' });
  });

  test('a lead matched by email is updated where it is; the workspace is ignored', async () => {
    const { leadId } = await put({ email: 'a@b.c', workspace: 'Europe' });
    const result = await put({ email: 'a@b.c', attributes: { City: 'Rom' }, workspace: 'Default' });
    expect(result).toEqual({ leadId, status: 'UPDATED' });
    expect(await leadOf(leadId)).toMatchObject({ partition: 'Europe', attributes: { City: 'Rom' } });
  });
});

describe('syncLead: workspaces enabled and no header', () => {
  test("a new lead goes to the assignment rule's partition", async () => {
    await control('PUT', '/assignment-rules', {
      rules: [{ attribute: 'Country', equals: 'France', partition: 'EMEA' }],
    });
    const { leadId } = await put({ email: 'a@b.c', attributes: { Country: 'France' } });
    expect((await leadOf(leadId)).partition).toBe('EMEA');
  });

  test('else a new lead goes to the primary partition of Default', async () => {
    const { leadId } = await put({ email: 'a@b.c' });
    expect((await leadOf(leadId)).partition).toBe('Default');
  });

  test('existing leads are updated where they are', async () => {
    const { leadId } = await put({ email: 'a@b.c', workspace: 'Europe' });
    expect(await put({ id: leadId, attributes: { City: 'Rom' } })).toEqual({ leadId, status: 'UPDATED' });
    expect((await leadOf(leadId)).partition).toBe('Europe');
  });
});

describe('syncLead: workspaces not enabled', () => {
  beforeEach(() => control('PUT', '/workspaces', { enabled: false }));

  test('the target must be Default', async () => {
    expect((await put({ email: 'a@b.c', workspace: 'Default' })).status).toBe('CREATED');
    const refused = await gateway.putLead({ email: 'b@b.c', workspace: 'Europe' });
    expect(refused.body).toMatchObject({ status: 422, upstream: { code: 20110 } });
  });

  test('the header may be left out', async () => {
    expect((await put({ email: 'a@b.c' })).status).toBe('CREATED');
  });
});

test('MARKETO_DEFAULT_WORKSPACE is sent when the request names none', async () => {
  gateway = await startTestGateway({ MARKETO_DEFAULT_WORKSPACE: 'Europe' });
  const { leadId } = await put({ email: 'a@b.c' });
  expect((await leadOf(leadId)).partition).toBe('Europe');
  const named = await put({ email: 'b@b.c', workspace: 'Default' });
  expect((await leadOf(named.leadId)).partition).toBe('Default');
});
