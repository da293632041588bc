import { beforeEach, describe, expect, test } from 'vitest';
import { type RestClient, restClient } from '../../support/rest.ts';
import { email, startStillSandbox, type StillSandbox } from '../../support/sandbox.ts';
import { createVirtualClock, untilTimers } from '../../support/virtual-clock.ts';
import {
  A,
  B,
  COOKIE,
  created,
  errorOf,
  EXISTS,
  FIRST,
  MULTIPLE,
  NOT_FOUND,
  skipped,
  updated,
} from './results.ts';
import { testEvery } from '../../support/exhaustive.ts';

let sandbox: StillSandbox;
let rest: RestClient;

beforeEach(async () => {
  sandbox = await startStillSandbox();
  rest = restClient(sandbox);
});

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

  testEvery(2, [[undefined], [null], [[]], ['x'], [{}]])('input %j: Leads not specified', async (input) => {
    const body = { action: 'none', lookupField: 'pants', input };
    expect(errorOf(await rest.request('POST', '/leads.json', { body }))).toBe('1003 Leads not specified');
  });

  testEvery(2, ['null', '[]', '"x"', '{}'])('a body of %s: Leads not specified', async (body) => {
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

  testEvery(3, [
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
