import { describe, expect, test } from 'vitest';
import { problemType } from '../support/client.ts';
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
import { outboxFile } from '../support/outbox.ts';
import { startStillSandbox } from '../support/sandbox.ts';
import { type Protocol, PROTOCOLS, TODAY, upstreamEnv } from '../support/faces.ts';
import { testEvery } from '../support/exhaustive.ts';
import { portApart } from '../support/port-apart.ts';

const dryRun = (gateway: TestGateway, lead: unknown, headers: Record<string, string> = {}) =>
  gateway.request('PUT', '/leads?dryRun=true', {
    body: JSON.stringify(lead),
    headers: { 'content-type': 'application/json', ...headers },
  });

const withAttributes = (attributes: Record<string, unknown>) => ({ email: 'jane@example.com', attributes });

async function start(protocol: Protocol, env: Record<string, string> = {}) {
  const sandbox = await startStillSandbox({ ...TODAY, port: await portApart() });
  const gateway = await startTestGateway({ ...upstreamEnv(sandbox, protocol), ...env });
  const calls = async () =>
    (await sandbox.calls()).map(({ operation }) => operation).filter((name) => !/identity|usage/.test(name));
  return { sandbox, gateway, calls };
}

describe.each(PROTOCOLS)('PUT /leads?dryRun=true by %s', (protocol) => {
  test('takes a lead that would be stored, and stores nothing', async () => {
    const { sandbox, gateway, calls } = await start(protocol);
    const lead = withAttributes({ FirstName: 'Jane', LeadScore: 62, Unsubscribed: false, Country: null });
    const { status, body } = await dryRun(gateway, lead);
    expect([status, body]).toEqual([200, { valid: true, warnings: [] }]);
    expect(await calls()).toHaveLength(1);
    await dryRun(gateway, lead);
    await gateway.request('GET', '/leads/fields');
    // Nothing is asked twice.
    expect(await calls()).toHaveLength(1);
    expect(await sandbox.leads()).toEqual([]);
  });

  test('needs no call for a lead without attributes', async () => {
    const { gateway, calls } = await start(protocol);
    expect((await dryRun(gateway, { email: 'jane@example.com' })).body).toEqual({
      valid: true,
      warnings: [],
    });
    expect(await calls()).toEqual([]);
  });

  test('names unknown attributes with what was meant', async () => {
    const { gateway, sandbox } = await start(protocol);
    const { status, body } = await dryRun(gateway, withAttributes({ FristName: 'Jane', pants: 1 }));
    expect([status, body.type]).toEqual([422, problemType('unknown-attribute')]);
    expect(body.detail).toContain('Did you mean FirstName for FristName?');
    expect(body.errors).toEqual([
      {
        pointer: '#/attributes/FristName',
        detail: 'is not the name of a field in Marketo; did you mean FirstName?',
      },
      { pointer: '#/attributes/pants', detail: 'is not the name of a field in Marketo' },
    ]);
    expect(await sandbox.leads()).toEqual([]);
  });

  test('looks again for a field that is newer than the list', async () => {
    const sandbox = await startStillSandbox(TODAY);
    let aheadMs = 0;
    const gateway = await startTestGateway(upstreamEnv(sandbox, protocol), {
      monotonicMs: () => performance.now() + aheadMs,
    });
    const lead = withAttributes({ ShoeSize: 44 });
    const statuses = [(await dryRun(gateway, lead)).status];
    await sandbox.control('POST', '/fields', { name: 'ShoeSize', type: 'integer' });
    statuses.push((await dryRun(gateway, lead)).status);
    aheadMs = 61_000;
    statuses.push((await dryRun(gateway, lead)).status);
    expect(statuses).toEqual([422, 422, 200]);
    const { body } = await gateway.request('GET', '/leads/fields');
    expect(body.fields.some(({ name }: any) => name === 'ShoeSize')).toBe(true);
  });

  test('points into the list of attributes', async () => {
    const { gateway } = await start(protocol);
    const attributeList = [
      { name: 'Country', value: 'x'.repeat(256) },
      { name: 'Cuontry', value: 'x' },
    ];
    const { body } = await dryRun(gateway, { email: 'a@b.c', attributeList });
    expect(body.errors).toEqual([
      {
        pointer: '#/attributeList/1/name',
        detail: 'is not the name of a field in Marketo; did you mean Country?',
      },
    ]);
    const warned = await dryRun(gateway, { email: 'a@b.c', attributeList: attributeList.slice(0, 1) });
    expect(warned.body).toEqual({
      valid: true,
      warnings: [
        {
          pointer: '#/attributeList/0/name',
          detail: 'is longer than its field in Marketo, which has 255 characters',
        },
      ],
    });
  });

  test('checks what every write is checked for', async () => {
    const { gateway, calls } = await start(protocol);
    const invalid = await dryRun(gateway, { emial: 'jane@example.com' });
    expect([invalid.status, invalid.body.type]).toEqual([422, problemType('validation-failed')]);
    expect((await dryRun(gateway, [])).status).toBe(422);
    expect(await calls()).toEqual([]);
  });

  test('warns when the fields cannot be had', async () => {
    const { gateway, sandbox } = await start(protocol);
    await sandbox.close();
    const { status, body } = await dryRun(gateway, withAttributes({ FristName: 'Jane' }));
    expect(status).toBe(200);
    expect(body).toEqual({
      valid: true,
      warnings: [
        {
          pointer: '#',
          detail:
            'was checked without the fields of Marketo. Marketo cannot be reached right now, so its fields could not be read. Try again later.',
        },
      ],
    });
  });

  test('keeps nothing in an outbox', async () => {
    const { gateway, calls } = await start(protocol, { OUTBOX_URL: `file:${outboxFile()}` });
    const { status } = await dryRun(gateway, { email: 'a@b.c' }, { prefer: 'respond-async' });
    expect(status).toBe(200);
    expect(await calls()).toEqual([]);
  });

  test('permissions hold, and no field is suggested that the key may not write', async () => {
    const sandbox = await startStillSandbox(TODAY);
    const entry: Entry = { ...SECRET, attributes: ['First*', 'LeadScor*', 'LeadStatu'] };
    const gateway = await startKeyedGateway([entry, PUBLISHABLE], upstreamEnv(sandbox, protocol));
    const own = bearer(entry.key);
    expect((await dryRun(gateway, withAttributes({ LastName: 'Doe' }), own)).status).toBe(403);
    const near = await dryRun(gateway, withAttributes({ LeadScor: 1, LeadStatu: 'x', Firstname: 'x' }), own);
    expect(near.body.errors.map(({ detail }: any) => detail)).toEqual([
      'is not the name of a field in Marketo; did you mean LeadScore?',
      'is not the name of a field in Marketo',
      'is not the name of a field in Marketo; did you mean FirstName?',
    ]);
    const publishable = await dryRun(gateway, withAttributes({ FirstName: 'x' }), {
      ...bearer(PUBLISHABLE.key),
      origin: ORIGIN,
    });
    expect(publishable.status).toBe(403);
  });
});

testEvery(2, ['', '1', 'TRUE', 'yes', 'true&dryRun=true'])(
  'dryRun=%s is refused, and nothing is written',
  async (value) => {
    const { gateway, sandbox } = await start('soap');
    const { status, body } = await gateway.request('PUT', `/leads?dryRun=${value}`, {
      body: '{"email":"a@b.c"}',
      headers: { 'content-type': 'application/json' },
    });
    expect([status, body.errors[0].pointer]).toEqual([422, '#/dryRun']);
    expect(body.detail).toContain('1 parameter is not valid. dryRun: must be true or false');
    expect(await sandbox.leads()).toEqual([]);
  },
);

testEvery(3, ['dry', 'dryrun', 'DryRun', 'dry_run', 'dry-run', 'DRYRUN', 'dryRn', 'dryRun[]', 'dryRunOnly'])(
  '%s=true is refused as a misspelt dryRun, and nothing is written',
  async (name) => {
    const { gateway, sandbox } = await start('soap');
    for (const method of ['PUT', 'POST']) {
      const { status, body } = await gateway.request(method, `/leads?x=1&${encodeURIComponent(name)}=true`, {
        body: '{"email":"a@b.c"}',
        headers: { 'content-type': 'application/json' },
      });
      expect([status, body.errors[0].detail]).toEqual([
        422,
        'is not a parameter of this request; did you mean dryRun?',
      ]);
      expect(body.detail).toContain(`${name}: is not a parameter`);
    }
    expect(await sandbox.leads()).toEqual([]);
  },
);

test('a batch cannot be a dry run: it is refused, and nothing is written', async () => {
  const { gateway, sandbox } = await start('soap');
  const put = (query: string) =>
    gateway.request('PUT', `/leads/batch${query}`, {
      body: '{"leads":[{"email":"a@b.c"}]}',
      headers: { 'content-type': 'application/json' },
    });
  const dry = await put('?dryRun=true');
  expect([dry.status, dry.body.detail]).toEqual([422, expect.stringContaining('PUT /leads?dryRun=true')]);
  expect((await put('?dryrun=true')).status).toBe(422);
  expect(await sandbox.leads()).toEqual([]);
  expect((await put('?dryRun=false&other=1')).status).toBe(200);
  expect(await sandbox.leads()).toHaveLength(1);
});

test.each(['?dryRun=false', '?other=true', '?'])('PUT /leads%s writes', async (query) => {
  const { gateway, sandbox } = await start('soap');
  const { status } = await gateway.request('PUT', `/leads${query}`, {
    body: '{"email":"a@b.c"}',
    headers: { 'content-type': 'application/json' },
  });
  expect(status).toBe(201);
  expect(await sandbox.leads()).toHaveLength(1);
});

test('by REST what is certain is refused, and the rest is a warning', async () => {
  const { gateway } = await start('rest');
  const refused = await dryRun(
    gateway,
    withAttributes({ LeadScore: 'many', InferredCompany: 'x', Unsubscribed: 'yes', Pants: 1 }),
  );
  expect([refused.status, refused.body.type]).toEqual([422, problemType('unknown-attribute')]);
  expect(refused.body.errors.map(({ pointer }: any) => pointer)).toEqual([
    '#/attributes/Pants',
    '#/attributes/InferredCompany',
    '#/attributes/LeadScore',
  ]);
  const warned = await dryRun(gateway, withAttributes({ Unsubscribed: 'yes', LeadScore: '1e3' }));
  expect(warned.body).toMatchObject({
    valid: true,
    warnings: [
      {
        pointer: '#/attributes/Unsubscribed',
        detail: 'does not fit its field in Marketo, which takes true or false',
      },
      { pointer: '#/attributes/LeadScore' },
    ],
  });
});

test('by SOAP values and read-only fields are warnings: no source says what Marketo makes of them', async () => {
  const { gateway } = await start('soap');
  const { status, body } = await dryRun(
    gateway,
    withAttributes({ LeadScore: 'many', 'Lead Partition ID': 1 }),
  );
  expect(status).toBe(200);
  expect(body.warnings).toEqual([
    {
      pointer: '#/attributes/LeadScore',
      detail: 'does not fit its field in Marketo, which takes a whole number of 32 bits',
    },
    {
      pointer: '#/attributes/Lead%20Partition%20ID',
      detail: 'is read-only in Marketo, which may ignore the value',
    },
  ]);
});

test('a write by REST with a value that cannot fit costs no call of its own', async () => {
  const { gateway, calls } = await start('rest');
  const { status, body } = await gateway.putLead(withAttributes({ LeadScore: 'many', DateofBirth: 'soon' }));
  expect([status, body.type]).toEqual([422, problemType('lead-rejected')]);
  expect(body.detail).toBe(
    'LeadScore does not fit its field in Marketo, which takes a whole number of 32 bits. DateofBirth does not fit its field in Marketo, which takes a date such as 1999-12-31. Nothing was sent to Marketo.',
  );
  expect(await calls()).toEqual(['describe']);
  expect((await gateway.putLead(withAttributes({ LeadScore: ' 12 ', Country: '' }))).status).toBe(201);
});

describe.each(PROTOCOLS)('a write by %s', (protocol) => {
  test('suggests custom fields once the list is known', async () => {
    const { sandbox, gateway } = await start(protocol);
    await sandbox.control('POST', '/fields', { name: 'ShoeSize', type: 'integer' });
    await gateway.request('GET', '/leads/fields');
    const { body } = await gateway.putLead(withAttributes({ shoesize: 44 }));
    expect(body.errors).toEqual([
      {
        pointer: '#/attributes/shoesize',
        detail: 'is not the name of a field in Marketo; did you mean ShoeSize?',
      },
    ]);
  });

  test('says where a field of the lead belongs', async () => {
    const { gateway } = await start(protocol);
    await gateway.request('GET', '/leads/fields');
    const { body } = await gateway.putLead({ email: 'a@b.c', FristName: 'Jane' });
    expect(body.errors).toEqual([
      {
        pointer: '#/FristName',
        detail: 'is not a member of a lead; did you mean FirstName under attributes?',
      },
    ]);
    expect(body.detail).toBe(
      '1 member is not valid. FristName: is not a member of a lead; did you mean FirstName under attributes?',
    );
  });
});
