import { beforeEach, describe, expect, test } from 'vitest';
import { type RestClient, restClient } from '../../support/rest.ts';
import { START, startStillSandbox, type StillSandbox } from '../../support/sandbox.ts';
import { A, created, FIRST, skipped, updated } from './results.ts';
import { testEvery } from '../../support/exhaustive.ts';

let sandbox: StillSandbox;
let rest: RestClient;

beforeEach(async () => {
  sandbox = await startStillSandbox();
  rest = restClient(sandbox);
});

describe('values', () => {
  testEvery(3, [
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

  testEvery(3, [
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
