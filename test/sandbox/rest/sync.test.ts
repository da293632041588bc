import { beforeEach, describe, expect, test } from 'vitest';
import { type RestClient, restClient } from '../../support/rest.ts';
import { email, START, startStillSandbox, type StillSandbox } from '../../support/sandbox.ts';
import { createVirtualClock, untilTimers } from '../../support/virtual-clock.ts';

const A = 'a@example.com';
const B = 'b@example.com';
const FIRST = 1000001;
const COOKIE = 'id:123-ABC-456&token:_mch-example.com-1';

let sandbox: StillSandbox;
let rest: RestClient;

beforeEach(async () => {
  sandbox = await startStillSandbox();
  rest = restClient(sandbox);
});

const created = (id = FIRST) => ({ id, status: 'created' });
const updated = (id = FIRST) => ({ id, status: 'updated' });
const skipped = (code: string, message: string) => ({ status: 'skipped', reasons: [{ code, message }] });
const NOT_FOUND = skipped('1004', 'Lead not found');
const EXISTS = skipped('1005', 'Lead already exists');
const MULTIPLE = skipped('1007', 'Multiple lead match lookup criteria');
const errorOf = ({ json }: { json: any }) => `${json.errors?.[0].code} ${json.errors?.[0].message}`;

/** Two leads with one address, as overlapping calls make them. */
async function duplicates(): Promise<void> {
  await rest.results([{ email: A }, { email: A }], { action: 'createDuplicate' });
}

describe('the actions', () => {
  test('createOrUpdate by email is what is done unless something else is asked for', async () => {
    expect(await rest.results([{ email: A }])).toEqual([created()]);
    expect(
      await rest.results([{ email: A.toUpperCase() }], { action: 'createOrUpdate', lookupField: 'email' }),
    ).toEqual([updated()]);
  });

  test.each([
    ['createOrUpdate', created(), updated()],
    ['createOnly', created(), EXISTS],
    ['createDuplicate', created(), created(FIRST + 1)],
  ])('%s makes a lead; with one there: %j', async (action, first, second) => {
    expect(await rest.results([{ email: A }], { action })).toEqual([first]);
    expect(await rest.results([{ email: A }], { action })).toEqual([second]);
  });

  test('updateOnly makes none', async () => {
    expect(await rest.results([{ email: A }], { action: 'updateOnly' })).toEqual([NOT_FOUND]);
    await rest.results([{ email: A }]);
    expect(await rest.results([{ email: A, firstName: 'Ann' }], { action: 'updateOnly' })).toEqual([
      updated(),
    ]);
    expect(await rest.find('id', FIRST, 'firstName')).toEqual([{ id: FIRST, firstName: 'Ann' }]);
  });

  test('createDuplicate needs no value to look up by', async () => {
    expect(await rest.results([{ firstName: 'Ann' }], { action: 'createDuplicate' })).toEqual([created()]);
  });

  test('several leads with the key: 1007, but for createOnly, which finds one first', async () => {
    await duplicates();
    for (const [action, expected] of [
      ['createOrUpdate', MULTIPLE],
      ['updateOnly', MULTIPLE],
      ['createOnly', EXISTS],
    ] as const) {
      expect(await rest.results([{ email: A }], { action })).toEqual([expected]);
    }
  });

  test('an action that there is not refuses the call', async () => {
    expect(errorOf(await rest.sync([{ email: A }], { action: 'upsert' }))).toMatch(/^1003 /);
    expect(await sandbox.leads()).toEqual([]);
  });
});

describe('what refuses the whole call, in the order of the checks', () => {
  const many = Array.from({ length: 301 }, (_, index) => ({ email: `${index}@example.com` }));

  test.each([[undefined], [null], [[]], ['x'], [{}]])('input %j: Leads not specified', async (input) => {
    const body = { action: 'none', lookupField: 'pants', input };
    expect(errorOf(await rest.request('POST', '/leads.json', { body }))).toBe('1003 Leads not specified');
  });

  test.each(['null', '[]', '"x"', '{}'])('a body of %s: Leads not specified', async (body) => {
    expect(errorOf(await rest.request('POST', '/leads.json', { body }))).toBe('1003 Leads not specified');
  });

  test('more than 300 leads, before a lookupField that there is not', async () => {
    expect(errorOf(await rest.sync(many, { lookupField: 'pants' }))).toMatch(/^1003 Too many leads/);
    expect(await rest.results(many.slice(1))).toHaveLength(300);
  });

  test('a lookupField that there is not: 1006; one that is not supported: 1011', async () => {
    expect(errorOf(await rest.sync([{ pants: 1 }], { lookupField: 'pants' }))).toBe(
      "1006 Field 'pants' not found",
    );
    for (const lookupField of ['firstName', 'createdAt', 'leadPartitionId', 'leadScore']) {
      expect(errorOf(await rest.sync([{ pants: 1 }], { lookupField }))).toBe(
        `1011 Lookup field '${lookupField}' is not supported`,
      );
    }
  });
});

describe('what refuses a record alone, in the order of the checks', () => {
  test('its neighbours are stored, and results are in the order of the records', async () => {
    expect(
      await rest.results([{ email: A }, { email: B, pants: 1 }, { email: 'c@example.com' }, 'x', null]),
    ).toEqual([
      created(),
      skipped('1006', "Field 'pants' not found"),
      created(FIRST + 1),
      skipped('1003', 'A lead must be an object'),
      skipped('1003', 'A lead must be an object'),
    ]);
  });

  test.each([
    [
      'a field that there is not, before a bad value',
      { pants: 1, leadScore: 'x' },
      {},
      skipped('1006', "Field 'pants' not found"),
    ],
    [
      'a bad value, before an id that has no business there',
      { id: 7, leadScore: 'x' },
      {},
      skipped('1003', "Invalid value for field 'leadScore' and value 'x'"),
    ],
    [
      'an id beside another lookupField, before a missing value',
      { id: 7 },
      {},
      skipped('1003', "Invalid value for field 'id' and value '7'"),
    ],
    [
      'no value for the lookupField, before a lead that is not found',
      { firstName: 'Ann' },
      { action: 'updateOnly' },
      skipped('1003', "Value for lookup field 'email' not specified"),
    ],
    [
      'null is no value',
      { email: null },
      {},
      skipped('1003', "Value for lookup field 'email' not specified"),
    ],
    [
      'the empty string is no value',
      { email: '' },
      {},
      skipped('1003', "Value for lookup field 'email' not specified"),
    ],
    [
      'a lead that is not found, before a partition',
      { email: A },
      { action: 'updateOnly', partitionName: 'Atlantis' },
      NOT_FOUND,
    ],
    [
      'a partition that there is not',
      { email: A },
      { partitionName: 'Atlantis' },
      skipped('1008', "Access denied to partition 'Atlantis'"),
    ],
  ])('%s', async (_what, record, more, expected) => {
    expect(await rest.results([record], more)).toEqual([expected]);
    expect(await sandbox.leads()).toEqual([]);
  });

  test('a lead that is there, before several; several, before a partition; the partition before its update', async () => {
    await duplicates();
    const europe = { partitionName: 'Europe' };
    expect(await rest.results([{ email: A }], { action: 'createOnly', ...europe })).toEqual([EXISTS]);
    expect(await rest.results([{ email: A }], { partitionName: 'Atlantis' })).toEqual([MULTIPLE]);
    await rest.results([{ email: B }]);
    expect(await rest.results([{ email: B }], { partitionName: 'Atlantis' })).toEqual([
      skipped('1008', "Access denied to partition 'Atlantis'"),
    ]);
    expect(await rest.results([{ email: B }], europe)).toEqual([
      skipped('1010', 'Partition update not allowed'),
    ]);
  });

  test('every field that there is not is a reason, and every bad value', async () => {
    const [fields, values] = await rest.results([
      { email: A, pants: 1, socks: 2 },
      { email: A, leadScore: 'x', unsubscribed: 'perhaps', firstName: ['Ann'] },
    ]);
    expect(fields.reasons.map(({ message }: any) => message)).toEqual([
      "Field 'pants' not found",
      "Field 'socks' not found",
    ]);
    expect(values.reasons.map(({ message }: any) => message)).toEqual([
      "Invalid value for field 'leadScore' and value 'x'",
      "Invalid value for field 'unsubscribed' and value 'perhaps'",
      `Invalid value for field 'firstName' and value '["Ann"]'`,
    ]);
  });

  test('a record that is skipped changes nothing', async () => {
    await rest.results([{ email: A, firstName: 'Ann' }]);
    const before = await sandbox.leads();
    sandbox.tick(1000);
    await rest.results([{ email: A, firstName: 'Bea', leadScore: 'x' }]);
    await rest.results([{ email: A, firstName: 'Bea' }], { action: 'createOnly' });
    expect(await sandbox.leads()).toEqual(before);
  });
});

describe('values', () => {
  test.each([
    ['unsubscribed', 'perhaps'],
    ['unsubscribed', 2],
    ['numberOfEmployees', '1.5'],
    ['numberOfEmployees', 2147483648],
    ['numberOfEmployees', 'x'],
    ['leadScore', 6.5],
    ['urgency', 'high'],
    ['annualRevenue', '1,000'],
    ['annualRevenue', true],
    ['dateOfBirth', '1980-02-30'],
    ['dateOfBirth', 'yesterday'],
    ['acquisitionDate', '2026-13-01T00:00:00Z'],
    ['acquisitionDate', 5],
    ['email', 'jane'],
    ['email', 'jane doe@example.com'],
    ['email', 7],
    ['firstName', { first: 'Ann' }],
    ['cookies', 'c1'],
  ])('%s does not take %j', async (field, value) => {
    const shown = typeof value === 'object' ? JSON.stringify(value) : value;
    expect(await rest.results([{ email: A, [field]: value }])).toEqual([
      skipped('1003', `Invalid value for field '${field}' and value '${shown}'`),
    ]);
  });

  test('percent and float fields that were added do not take words', async () => {
    await sandbox.control('POST', '/fields', { name: 'Discount', type: 'percent' });
    expect(await rest.results([{ email: A, discount: 'half' }])).toEqual([
      skipped('1003', "Invalid value for field 'discount' and value 'half'"),
    ]);
    expect(await rest.results([{ email: A, discount: '12.5' }])).toEqual([created()]);
  });

  test.each([
    ['unsubscribed', true, true],
    ['unsubscribed', 'true', true],
    ['unsubscribed', '1', true],
    ['unsubscribed', 1, true],
    ['unsubscribed', 'False', false],
    ['numberOfEmployees', '12', 12],
    ['numberOfEmployees', ' 007', 7],
    ['numberOfEmployees', -0, 0],
    ['leadScore', 62, 62],
    ['urgency', 1e-7, 1e-7],
    ['urgency', '12.5', 12.5],
    ['annualRevenue', 1e21, 1e21],
    ['annualRevenue', '.5', 0.5],
    ['dateOfBirth', '1980-02-29', '1980-02-29'],
    ['acquisitionDate', '2026-03-02T12:00:00.123Z', '2026-03-02T12:00:00Z'],
    ['acquisitionDate', '2026-03-02T12:00:00-06:00', '2026-03-02T12:00:00-06:00'],
    ['firstName', 7, '7'],
    ['firstName', true, 'true'],
    ['postalCode', '02134', '02134'],
    ['address', '  1 Main St\r\nBoston\t', '  1 Main St\r\nBoston\t'],
    ['firstName', '<b> "\' 😀', '<b> "\' 😀'],
  ])('%s given %j is answered as %j', async (field, given, answered) => {
    expect(await rest.results([{ email: A, [field]: given }])).toEqual([created()]);
    expect(await rest.find('email', A, field)).toEqual([{ id: FIRST, [field]: answered }]);
  });

  test('decimals keep their digits', async () => {
    await rest.results([{ email: A, annualRevenue: '12345678901234567890.10' }]);
    const answer = await rest.request('GET', `/lead/${FIRST}.json?fields=annualRevenue`);
    expect(answer.text).toContain('"annualRevenue":12345678901234567890.10}');
  });

  test('null clears; a boolean becomes false', async () => {
    const values = { firstName: 'Ann', leadScore: 5, unsubscribed: true, crmPersonId: 'C1' };
    await rest.results([{ email: A, ...values }]);
    await rest.results([
      { email: A, firstName: null, leadScore: null, unsubscribed: null, crmPersonId: null },
    ]);
    expect(await rest.find('email', A, Object.keys(values).join(','))).toEqual([
      { id: FIRST, firstName: null, leadScore: null, unsubscribed: false, crmPersonId: null },
    ]);
    await rest.results([{ id: FIRST, email: null }], { lookupField: 'id' });
    expect(await rest.find('id', FIRST, 'email')).toEqual([{ id: FIRST, email: null }]);
  });

  test('a read-only field is dropped without a word, whatever its value', async () => {
    expect(
      await rest.results([
        {
          email: A,
          firstName: 'Ann',
          inferredCompany: 'Acme',
          originalSourceType: {},
          contactCompany: 'x',
          createdAt: 'never',
          leadPartitionId: 2,
          isAnonymous: 5,
        },
      ]),
    ).toEqual([created()]);
    expect(await sandbox.leads()).toMatchObject([{ attributes: { FirstName: 'Ann' }, partition: 'Default' }]);
    expect(await rest.results([{ email: A, inferredCompany: 'Acme' }])).toEqual([updated()]);
    expect((await sandbox.leads())[0]?.attributes).toEqual({ FirstName: 'Ann' });
  });

  test('updated moves updatedAt only when a value changed', async () => {
    await rest.results([{ email: A, firstName: 'Ann', leadScore: 5 }]);
    const updatedAt = async () => (await rest.find('email', A, 'updatedAt,createdAt'))[0];
    const start = new Date(START).toISOString().replace('.000', '');
    sandbox.tick(1000);
    expect(await rest.results([{ email: A, firstName: 'Ann', leadScore: '5' }])).toEqual([updated()]);
    expect(await updatedAt()).toEqual({ id: FIRST, updatedAt: start, createdAt: start });
    expect(await rest.results([{ email: A, firstName: 'Bea' }])).toEqual([updated()]);
    expect(await updatedAt()).toEqual({
      id: FIRST,
      updatedAt: start.replace(':00Z', ':01Z'),
      createdAt: start,
    });
  });
});

describe('lookupField id', () => {
  test.each(['createOrUpdate', 'updateOnly'])('%s updates the lead and never creates one', async (action) => {
    await rest.results([{ email: A }]);
    const byId = (id: unknown) => rest.results([{ id, firstName: 'Ann' }], { action, lookupField: 'id' });
    expect(await byId(FIRST)).toEqual([updated()]);
    expect(await byId(String(FIRST))).toEqual([updated()]);
    expect(await byId(7)).toEqual([NOT_FOUND]);
    expect(await byId(2147483647)).toEqual([NOT_FOUND]);
    expect(await byId('x')).toEqual([skipped('1003', "Invalid value for field 'id' and value 'x'")]);
    expect(await sandbox.leads()).toMatchObject([{ id: FIRST, attributes: { FirstName: 'Ann' } }]);
  });

  test('an email beside it is written', async () => {
    await rest.results([{ email: A }]);
    await rest.results([{ id: FIRST, email: B }], { action: 'updateOnly', lookupField: 'id' });
    expect(await sandbox.leads()).toMatchObject([{ email: B }]);
  });

  test('an update without values is one, too', async () => {
    await rest.results([{ email: A }]);
    const probe = (id: number) => rest.results([{ id }], { action: 'updateOnly', lookupField: 'id' });
    expect(await probe(FIRST)).toEqual([updated()]);
    expect(await probe(2147483647)).toEqual([NOT_FOUND]);
  });
});

describe('other keys', () => {
  test.each([
    ['sfdcLeadId', '00Q1', { foreignSysPersonId: '00Q1', foreignSysType: 'SFDC' }],
    ['sfdcContactId', '0031', { foreignSysPersonId: '0031', foreignSysType: 'SFDC' }],
    ['crmPersonId', 'C1', { foreignSysPersonId: 'C1', foreignSysType: 'CUSTOM' }],
    ['netsuiteId', 'N1', { foreignSysPersonId: 'N1', foreignSysType: 'NETSUITE' }],
    ['sfdcAccountId', '0011', { foreignSysPersonId: null }],
    ['sfdcLeadOwnerId', '0051', { foreignSysPersonId: null }],
    ['sfdcOpptyId', '0061', { foreignSysPersonId: null }],
    ['cookies', COOKIE, { cookies: [COOKIE] }],
  ])('%s makes a lead, then finds it', async (lookupField, value, lead) => {
    expect(await rest.results([{ [lookupField]: value }], { lookupField })).toEqual([created()]);
    expect(await rest.results([{ [lookupField]: value, email: A }], { lookupField })).toEqual([updated()]);
    expect(await sandbox.leads()).toMatchObject([{ email: A, ...lead }]);
  });

  test.each([
    ['string', 'X-1', 'x-1'],
    ['email', 'x@example.com', 'y@example.com'],
    ['integer', 7, 8],
  ])('a custom field of type %s', async (type, value, other) => {
    await sandbox.control('POST', '/fields', { name: 'Customer number', type });
    const by = (customerNumber: unknown) =>
      rest.results([{ customerNumber }], { lookupField: 'customerNumber' });
    expect(await by(value)).toEqual([created()]);
    expect(await by(String(value))).toEqual([updated()]);
    expect(await by(other)).toEqual([created(FIRST + 1)]);
  });

  test.each(['boolean', 'float', 'date', 'text'])('a custom field of type %s is no key', async (type) => {
    await sandbox.control('POST', '/fields', { name: 'Customer number', type });
    const answer = await rest.sync([{ customerNumber: 1 }], { lookupField: 'customerNumber' });
    expect(errorOf(answer)).toMatch(/^1011 /);
  });

  test('a field that REST cannot write finds leads and is not written', async () => {
    await sandbox.control('PUT', '/rest', { readOnly: ['sfdcLeadId'] });
    await rest.results([{ email: A }]);
    await sandbox.sync(
      `<Id>${FIRST}</Id><ForeignSysPersonId>00Q1</ForeignSysPersonId><ForeignSysType>SFDC</ForeignSysType>`,
    );
    expect(
      await rest.results([{ sfdcLeadId: '00Q1', firstName: 'Ann' }], { lookupField: 'sfdcLeadId' }),
    ).toEqual([updated()]);
    await rest.results([{ email: A, sfdcLeadId: '00Q2' }]);
    expect(await sandbox.leads()).toMatchObject([{ foreignSysPersonId: '00Q1' }]);
  });

  test('a lead has one foreign id: another system replaces it, and clearing the field of another leaves it', async () => {
    await rest.results([{ email: A, crmPersonId: 'C1' }]);
    await rest.results([{ email: A, netsuiteId: null, sfdcLeadId: '' }]);
    expect(await sandbox.leads()).toMatchObject([{ foreignSysPersonId: 'C1' }]);
    await rest.results([{ email: A, netsuiteId: 'N1', crmPersonId: null }]);
    expect(await sandbox.leads()).toMatchObject([{ foreignSysPersonId: 'N1', foreignSysType: 'NETSUITE' }]);
  });

  test('a foreign id moves to a lead that is updated; a new lead shares it, and then there are several', async () => {
    await rest.results([{ email: A, netsuiteId: 'N1' }, { email: B }]);
    await rest.results([{ email: B, netsuiteId: 'N1' }]);
    expect((await sandbox.leads()).map((lead) => lead.foreignSysPersonId)).toEqual([null, 'N1']);
    await rest.results([{ email: 'c@example.com', netsuiteId: 'N1' }]);
    expect(await rest.results([{ netsuiteId: 'N1' }], { lookupField: 'netsuiteId' })).toEqual([MULTIPLE]);
  });
});

describe('one call', () => {
  test('a later record finds what an earlier one created', async () => {
    expect(await rest.results([{ email: A }, { email: A.toUpperCase(), firstName: 'Ann' }])).toEqual([
      created(),
      updated(),
    ]);
    expect(await rest.results([{ email: B }, { email: B }], { action: 'createOnly' })).toEqual([
      created(FIRST + 1),
      EXISTS,
    ]);
    expect(await sandbox.leads()).toHaveLength(2);
  });

  test('a later record finds what an earlier one wrote onto a lead', async () => {
    await rest.results([{ crmPersonId: 'C1', email: A }], { lookupField: 'crmPersonId' });
    const results = await rest.results(
      [
        { crmPersonId: 'C1', sfdcAccountId: '0011' },
        { crmPersonId: 'C1', firstName: 'Ann' },
      ],
      { action: 'updateOnly', lookupField: 'crmPersonId' },
    );
    expect(results).toEqual([updated(), updated()]);
  });
});

describe('overlapping calls find before either writes', () => {
  const timers = createVirtualClock();

  async function racing(processingMs: number) {
    const marketo = await startStillSandbox({ processingMs, timers });
    return { marketo, client: restClient(marketo) };
  }

  test.each(['email', 'crmPersonId', 'cookies'])(
    'two upserts of one new %s make two leads',
    async (lookupField) => {
      const { marketo, client } = await racing(60);
      const value = { email: A, crmPersonId: 'C1', cookies: COOKIE }[lookupField];
      const upsert = () => client.results([{ [lookupField]: value }], { lookupField });
      const calls = [upsert(), upsert()];
      await untilTimers(timers, 2);
      await timers.advance(60);
      expect((await Promise.all(calls)).flat()).toEqual([created(), created(FIRST + 1)]);
      expect(await marketo.leads()).toHaveLength(2);
    },
  );

  test('a call of either face', async () => {
    const { marketo, client } = await racing(60);
    const calls = Promise.all([client.results([{ email: A }]), marketo.sync(email(A))]);
    await untilTimers(timers, 2);
    await timers.advance(60);
    const [[byRest], bySoap] = await calls;
    expect([byRest.status, bySoap.status]).toEqual(['created', 'CREATED']);
  });

  test('a lead deleted while a call is processed is not found by it', async () => {
    const { marketo, client } = await racing(100);
    const first = client.results([{ email: A }]);
    await untilTimers(timers, 1);
    await timers.advance(100);
    await first;
    const update = client.results([{ email: A, firstName: 'Ann' }]);
    await untilTimers(timers, 1);
    await marketo.control('DELETE', '/leads');
    await timers.advance(100);
    expect(await update).toEqual([NOT_FOUND]);
  });

  test('calls that follow each other make one lead', async () => {
    const { client } = await racing(20);
    for (const expected of [created(), updated()]) {
      const call = client.results([{ email: A }]);
      await untilTimers(timers, 1);
      await timers.advance(20);
      expect(await call).toEqual([expected]);
    }
  });
});
