import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import {
  bearer,
  type Entry,
  PUBLISHABLE,
  SECRET,
  startKeyedGateway,
  startTestGateway,
} from '../support/gateway.ts';
import { PROTOCOLS, TODAY, upstreamEnv } from '../support/faces.ts';
import { startStillSandbox, type StillSandbox } from '../support/sandbox.ts';
import { portApart } from '../support/port-apart.ts';

async function describes(sandbox: StillSandbox): Promise<number> {
  const calls = await sandbox.calls();
  return calls.filter(({ operation }) => /^describe/i.test(operation)).length;
}

const named = (body: any, name: string) => body.fields.find((field: any) => field.name === name);

describe.each(PROTOCOLS)('GET /leads/fields by %s', (protocol) => {
  test('lists each field by the name that attributes have', async () => {
    const sandbox = await startStillSandbox(TODAY);
    await sandbox.control('POST', '/fields', { name: 'Shoe size', type: 'integer' });
    const gateway = await startTestGateway(upstreamEnv(sandbox, protocol));
    const { status, body, headers } = await gateway.request('GET', '/leads/fields');
    expect(status).toBe(200);
    expect(named(body, 'FirstName')).toEqual({
      name: 'FirstName',
      title: 'First Name',
      type: 'string',
      maxLength: 255,
      readOnly: false,
      custom: false,
    });
    expect(named(body, 'EmailSuspendedAt')).toMatchObject({ type: 'datetime', maxLength: null });
    expect(named(body, 'Shoe size')).toMatchObject({ type: 'integer', custom: true });
    expect(named(body, 'Lead Partition ID')).toMatchObject({ readOnly: true });
    expect(named(body, 'InferredCompany')).toMatchObject({ readOnly: protocol === 'rest' });
    // They are members of a lead.
    for (const member of ['Id', 'id', 'Email', 'email', 'cookies'])
      expect(named(body, member)).toBeUndefined();
    expect(Date.parse(body.asOf)).toBeGreaterThan(Date.now() - 60_000);
    expect(headers.get('cache-control')).toBe('private, no-cache');
  });

  test('asks Marketo once for all who ask at the same time', async () => {
    const sandbox = await startStillSandbox(TODAY);
    const gateway = await startTestGateway(upstreamEnv(sandbox, protocol));
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => gateway.request('GET', '/leads/fields')),
    );
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await describes(sandbox)).toBe(1);
  });

  test('asks again after 24 hours', async () => {
    const sandbox = await startStillSandbox(TODAY);
    let aheadMs = 0;
    const gateway = await startTestGateway(upstreamEnv(sandbox, protocol), {
      monotonicMs: () => performance.now() + aheadMs,
    });
    await gateway.request('GET', '/leads/fields');
    aheadMs = 24 * 3_600_000 - 60_000;
    await gateway.request('GET', '/leads/fields');
    expect(await describes(sandbox)).toBe(1);
    aheadMs = 24 * 3_600_000 + 60_000;
    await gateway.request('GET', '/leads/fields');
    expect(await describes(sandbox)).toBe(2);
  });

  test('has an ETag, and answers 304 to it', async () => {
    const sandbox = await startStillSandbox(TODAY);
    const gateway = await startTestGateway(upstreamEnv(sandbox, protocol));
    const etag = (await gateway.request('GET', '/leads/fields')).headers.get('etag') ?? '';
    const ask = async (condition: string) =>
      (await gateway.request('GET', '/leads/fields', { headers: { 'if-none-match': condition } })).status;
    expect(await ask(etag)).toBe(304);
    expect(await ask(`"x", ${etag.slice(2)}`)).toBe(304);
    expect(await ask('*')).toBe(304);
    expect(await ask('"x"')).toBe(200);
  });

  test('leaves out what cannot be written, if asked to', async () => {
    const sandbox = await startStillSandbox(TODAY);
    const gateway = await startTestGateway(upstreamEnv(sandbox, protocol));
    const { body } = await gateway.request('GET', '/leads/fields?readOnly=false');
    expect(body.fields.length).toBeGreaterThan(40);
    expect(body.fields.every((field: any) => field.readOnly === false)).toBe(true);
    expect(
      named((await gateway.request('GET', '/leads/fields?readOnly=true')).body, 'FirstName'),
    ).toBeUndefined();
    expect((await gateway.request('GET', '/leads/fields?readOnly=no')).body.errors).toEqual([
      { pointer: '#/readOnly', detail: 'must be true or false' },
    ]);
    expect((await gateway.request('GET', '/leads/fields?readonly=false')).body.errors).toEqual([
      { pointer: '#/readonly', detail: 'is not a parameter of this request; did you mean readOnly?' },
    ]);
  });

  test('shows a key the fields that it may write, and a publishable key none', async () => {
    const sandbox = await startStillSandbox(TODAY);
    const entry: Entry = { ...SECRET, attributes: ['FirstName', 'Lead*', 'Id', 'Email'] };
    const gateway = await startKeyedGateway([entry, PUBLISHABLE], upstreamEnv(sandbox, protocol));
    const { body } = await gateway.request('GET', '/leads/fields', { headers: bearer(entry.key) });
    expect(body.fields.map(({ name }: any) => name).toSorted()).toEqual([
      'FirstName',
      'Lead Partition ID',
      'Lead Person',
      'LeadRole',
      'LeadScore',
      'LeadSource',
      'LeadStatus',
    ]);
    const refused = await gateway.request('GET', '/leads/fields', {
      headers: { ...bearer(PUBLISHABLE.key), origin: 'https://www.example.com' },
    });
    expect(refused.status).toBe(403);
    expect(refused.text).not.toContain('LeadScore');
    expect((await gateway.request('GET', '/leads/fields')).status).toBe(401);
  });

  test('says that the fields cannot be had', async () => {
    const sandbox = await startStillSandbox({ ...TODAY, port: await portApart() });
    const gateway = await startTestGateway(upstreamEnv(sandbox, protocol));
    await sandbox.close();
    const { status, body } = await gateway.request('GET', '/leads/fields');
    expect(status).toBe(502);
    expect(body.detail).toBe(
      'Marketo cannot be reached right now, so its fields could not be read. Try again later.',
    );
  });
});

test('the name of a field is the one that the key may write', async () => {
  const sandbox = await startStillSandbox(TODAY);
  const entry: Entry = { ...SECRET, attributes: ['firstName', 'LastName'] };
  const gateway = await startKeyedGateway([entry], upstreamEnv(sandbox, 'rest'));
  const { body } = await gateway.request('GET', '/leads/fields', { headers: bearer(entry.key) });
  expect(body.fields.map(({ name }: any) => name)).toEqual(['firstName', 'LastName']);
});

test('without SOAP names in Describe the documented ones are as good', async () => {
  const sandbox = await startStillSandbox(TODAY);
  await sandbox.control('PUT', '/rest', { describeSoapNames: false });
  const entry: Entry = { ...SECRET, attributes: ['DateofBirth', 'company'] };
  const gateway = await startKeyedGateway([entry], upstreamEnv(sandbox, 'rest'));
  const { body } = await gateway.request('GET', '/leads/fields', { headers: bearer(entry.key) });
  expect(body.fields.map(({ name }: any) => name).toSorted()).toEqual(['DateofBirth', 'company']);
});

test('a target that is a whole URL may have a port that no URL has', async () => {
  const { url } = await startKeyedGateway([SECRET]);
  const headers = { host: 'x:99999', ...bearer(SECRET.key) };
  const status = await new Promise((resolve, reject) => {
    request(url, { path: 'http://x:99999/leads/fields?readOnly=true', headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
  expect(status).toBe(200);
});
