import { describe, expect, test } from 'vitest';
import { fault, success } from '../support/answers.ts';
import { problemType } from '../support/client.ts';
import {
  startTestGateway,
  upstreamAt,
  bearer,
  ORIGIN,
  PUBLISHABLE,
  startKeyedGateway,
} from '../support/gateway.ts';
import { controlOf } from '../support/sandbox.ts';
import { startUpstream } from '../support/upstream.ts';
import { testEvery } from '../support/exhaustive.ts';

type Told = { readonly pointer: string; readonly detail: string };

const pointersOf = (body: { errors?: Told[] }) => body.errors?.map(({ pointer }) => pointer);

/** A gateway whose upstream refuses every lead with this message, as a record's failure or as a fault. */
async function refusing(message: string, code?: number) {
  const upstream = await startUpstream((response) => {
    const body =
      code === undefined
        ? success({ status: 'FAILED', error: `<error>${message}</error>` })
        : fault(code, message, message);
    response.writeHead(code === undefined ? 200 : 500, { 'content-type': 'text/xml' }).end(body);
  });
  return startTestGateway(upstreamAt(upstream.endpoint));
}

describe('a value that does not fit its field is pointed to', () => {
  testEvery<[string, unknown, string]>(2, [
    ['Unsubscribed', 'yes', '1, 0, true or false is expected'],
    ['DateofBirth', '12/31/1999', 'a date such as 1999-12-31 is expected'],
    ['AcquisitionDate', 'yesterday', 'a time such as 1999-12-31T23:59:59Z is expected'],
    ['LeadScore', 1.5, 'a whole number such as 62 is expected'],
    ['AnnualRevenue', '5 $', 'a number such as 12.5 is expected'],
  ])('%s: %j', async (name, value, form) => {
    const { putLead } = await startTestGateway();
    const { status, body } = await putLead({
      email: 'jane@example.com',
      attributes: { FirstName: 'Jane', [name]: value },
    });
    expect([status, body.type, body.errors]).toEqual([
      422,
      problemType('lead-rejected'),
      [{ pointer: `#/attributes/${name}`, detail: expect.stringContaining(form) as string }],
    ]);
    expect(body.detail).toContain(`The value of ${name} is not of type`);
  });

  test('several at once, each with its own words, in map and list', async () => {
    const { putLead } = await startTestGateway();
    const { body } = await putLead({
      email: 'jane@example.com',
      attributes: { Unsubscribed: 'yes', City: 'Rom' },
      attributeList: [
        { name: 'FirstName', value: 'Jane' },
        { name: 'DateofBirth', value: '12/31/1999' },
      ],
    });
    expect(body.errors).toEqual([
      {
        pointer: '#/attributes/Unsubscribed',
        detail:
          'is refused by Marketo: The value of Unsubscribed is not of type boolean: 1, 0, true or false is expected',
      },
      {
        pointer: '#/attributeList/1/name',
        detail:
          'is refused by Marketo: The value of DateofBirth is not of type date: a date such as 1999-12-31 is expected',
      },
    ]);
  });

  test('in a batch each lead is told about its own members only', async () => {
    const gateway = await startTestGateway({ MARKETO_MAX_CONCURRENT: '1' });
    await controlOf(gateway.sandboxUrl)('POST', '/next', { delayMs: 300 });
    const answers = await Promise.all([
      gateway.putLead({ email: 'first@example.com' }),
      gateway.putLead({ email: 'a@example.com', attributes: { Unsubscribed: 'yes', LeadScore: 1 } }),
      gateway.putLead({ email: 'b@example.com', attributes: { Unsubscribed: true, LeadScore: 'x' } }),
      gateway.putLead({ email: 'c@example.com', attributes: { Unsubscribed: false, LeadScore: 2 } }),
    ]);
    const { calls } = await controlOf(gateway.sandboxUrl)('GET', '/calls');
    expect(calls.map(({ records }: { records: number }) => records)).toContain(3);
    expect(answers.map(({ body }) => pointersOf(body))).toEqual([
      undefined,
      ['#/attributes/Unsubscribed'],
      ['#/attributes/LeadScore'],
      undefined,
    ]);
  });
});

describe('a refusal in the words of Marketo points to the members it names', () => {
  const lead = {
    email: 'jane@example.com',
    workspace: 'Europe',
    attributes: { Company: 'ACME', State: 'CA', 'T/S~1': 'x' },
  };

  testEvery<[string, number | undefined, string[] | undefined]>(3, [
    ['Company and State are too long', undefined, ['#/attributes/Company', '#/attributes/State']],
    ["Invalid value for field 'T/S~1'", undefined, ['#/attributes/T~1S~01']],
    ['Invalid email address', undefined, ['#/email']],
    ['Email is not valid', 20109, ['#/email']],
    ['Workspace Europe does not exist', 20110, ['#/workspace']],
    ['Company policy forbids this State of affairs', undefined, undefined],
    ['FirstName must be set', 20109, undefined],
  ])('%s', async (message, code, pointers) => {
    const { putLead } = await refusing(message, code);
    const { status, body } = await putLead(lead);
    expect([status, body.type, pointersOf(body)]).toEqual([422, problemType('lead-rejected'), pointers]);
    if (code !== undefined && pointers !== undefined) expect(body.detail).toMatch(/ Look at \w+\.$/);
  });

  test('and to no workspace that the gateway put in', async () => {
    const gateway = await startTestGateway({ MARKETO_DEFAULT_WORKSPACE: 'Atlantis' });
    const { status, body } = await gateway.putLead({ email: 'jane@example.com' });
    expect([status, body.upstream.message, body.errors]).toEqual([
      422,
      expect.stringContaining('Workspace Atlantis does not exist'),
      undefined,
    ]);
    const named = await gateway.putLead({ email: 'jane@example.com', workspace: 'Thule' });
    expect(pointersOf(named.body)).toEqual(['#/workspace']);
  });

  test('an id that no lead has is pointed to', async () => {
    const { putLead } = await startTestGateway();
    const { status, body } = await putLead({ id: 5 });
    expect([status, pointersOf(body)]).toEqual([404, ['#/id']]);
  });

  test('but tells a publishable key nothing', async () => {
    const upstream = await startUpstream((response) => {
      response
        .setHeader('content-type', 'text/xml')
        .end(success({ status: 'FAILED', error: '<error>FirstName must be set</error>' }));
    });
    const gateway = await startKeyedGateway([PUBLISHABLE], upstreamAt(upstream.endpoint));
    const { status, text } = await gateway.putLead(
      { email: 'jane@example.com', attributes: { FirstName: 'Jane' } },
      { headers: { ...bearer(PUBLISHABLE.key), origin: ORIGIN } },
    );
    expect([status, text]).toEqual([202, '{"status":"ACCEPTED"}']);
  });
});

describe('a field Marketo does not know', () => {
  testEvery(3, [
    ['firstname', 'FirstName'],
    ['firstName', 'FirstName'],
    ['first_name', 'FirstName'],
    ['First Name', 'FirstName'],
    ['FIRSTNAME', 'FirstName'],
    ['FristName', 'FirstName'],
    ['LastNme', 'LastName'],
    ['phone', 'Phone'],
    ['leadscore', 'LeadScore'],
    ['DateOfBirth', 'DateofBirth'],
    ['sicCode', 'SICCode'],
    ['unsubscribe', 'Unsubscribed'],
    ['e_mail', 'the member email beside attributes'],
    ['EmailAddress', 'the member email beside attributes'],
    ['foreign_sys_person_id', 'the member foreignSysPersonId beside attributes'],
  ])('%s: did you mean %s?', async (name, meant) => {
    const { putLead } = await startTestGateway();
    const { status, body } = await putLead({ email: 'jane@example.com', attributes: { [name]: 'x' } });
    expect([status, body.detail, body.errors]).toEqual([
      422,
      `Marketo has no field named ${name}. Did you mean ${meant}? Check the spelling; names are case-sensitive.`,
      [
        {
          pointer: `#/attributes/${name.replaceAll(' ', '%20')}`,
          detail: `is not the name of a field in Marketo; did you mean ${meant}?`,
        },
      ],
    ]);
  });

  test('several are reported at once, and looked up together', async () => {
    const { putLead } = await startTestGateway();
    const { body } = await putLead({
      email: 'jane@example.com',
      attributes: { firstname: 'x', pants: 'x' },
      attributeList: [{ name: 'lastname', value: 'x' }],
    });
    expect(body.detail).toBe(
      'Marketo has no fields named firstname, pants, lastname. Did you mean FirstName for firstname, LastName for lastname? Check the spelling; names are case-sensitive.',
    );
    expect(body.errors).toEqual([
      {
        pointer: '#/attributes/firstname',
        detail: 'is not the name of a field in Marketo; did you mean FirstName?',
      },
      { pointer: '#/attributes/pants', detail: 'is not the name of a field in Marketo' },
      {
        pointer: '#/attributeList/0/name',
        detail: 'is not the name of a field in Marketo; did you mean LastName?',
      },
    ]);
  });

  test('a name with a comma in it is reported as one, in the map and in the list', async () => {
    const { putLead } = await startTestGateway();
    const email = 'jane@example.com';
    const mapped = await putLead({ email, attributes: { 'a, b': 'x' } });
    expect(mapped.body.errors).toMatchObject([{ pointer: '#/attributes/a,%20b' }]);
    const listed = await putLead({ email, attributeList: [{ name: 'a, b', value: 'x' }] });
    expect(listed.body.errors).toMatchObject([{ pointer: '#/attributeList/0/name' }]);
  });

  testEvery(2, ['pants', 'Size', 'constructor', 'x'.repeat(255)])(
    'nothing is suggested for %s',
    async (name) => {
      const { putLead } = await startTestGateway();
      const { body } = await putLead({ email: 'jane@example.com', attributes: { [name]: 'x' } });
      expect(body.errors).toEqual([
        { pointer: `#/attributes/${name}`, detail: 'is not the name of a field in Marketo' },
      ]);
      expect(body.detail).not.toContain('Did you mean');
      expect(body.detail.length).toBeLessThan(200);
    },
  );

  testEvery(2, ['Id', 'email', 'FOREIGNSYSPERSONID', 'foreignSysType'])(
    'a key as an attribute is reported with the right member: %s',
    async (name) => {
      const { putLead } = await startTestGateway();
      const { body } = await putLead({ id: 1, attributes: { [name]: 'x' } });
      expect(body.errors).toEqual([
        {
          pointer: `#/attributes/${name}`,
          detail: expect.stringMatching(
            /^is a key of the lead, not an attribute; send it as the member \w+$/,
          ) as string,
        },
      ]);
    },
  );
});

test('fault 20105 points to each attribute it names', async () => {
  const message = 'syncLead operation failed: unknown fields for import: pants, T-shirt size (20105)';
  const upstream = await startUpstream((response) => {
    response.writeHead(500, { 'content-type': 'text/xml' }).end(fault(20105, 'Unknown lead field', message));
  });
  const gateway = await startTestGateway(upstreamAt(upstream.endpoint));
  const { body } = await gateway.putLead({ email: 'a@b.c', attributes: { pants: 1, 'T-shirt size': 'L' } });
  expect(body.errors).toEqual([
    { pointer: '#/attributes/pants', detail: 'is not the name of a field in Marketo' },
    { pointer: '#/attributes/T-shirt%20size', detail: 'is not the name of a field in Marketo' },
  ]);
  expect(body.detail).toContain('pants');
  expect(upstream.calls).toHaveLength(1);
});

test("a failed record is reported in the upstream's words", async () => {
  const gateway = await startTestGateway();
  const { status, body } = await gateway.putLead({ email: 'a@b.c', attributes: { LeadScore: 'abc' } });
  expect(status).toBe(422);
  expect(body).toMatchObject({ type: problemType('lead-rejected'), retryable: false });
  expect(body.upstream.message).toContain('LeadScore');
  expect(body.detail).toContain(body.upstream.message);
});
