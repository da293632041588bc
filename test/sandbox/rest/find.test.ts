import { beforeEach, describe, expect, test } from 'vitest';
import { type RestClient, restClient } from '../../support/rest.ts';
import { email, foreign, id, startStillSandbox, type StillSandbox } from '../../support/sandbox.ts';
import { COOKIE, FIRST } from './results.ts';
import { testEvery } from '../../support/exhaustive.ts';

let sandbox: StillSandbox;
let rest: RestClient;

beforeEach(async () => {
  sandbox = await startStillSandbox();
  rest = restClient(sandbox);
});

const get = (query: string) => rest.request('GET', `/leads.json?${query}`);
const idsOf = (found: readonly { id: number }[]) => found.map((lead) => lead.id - FIRST);
const errorOf = ({ json }: { json: any }) => `${json.errors?.[0].code} ${json.errors?.[0].message}`;

/** Leads with the addresses 0@example.com, 1@example.com, … */
async function leads(count: number, more: object = {}): Promise<void> {
  for (let from = 0; from < count; from += 300) {
    const length = Math.min(300, count - from);
    await rest.results(
      Array.from({ length }, (_, index) => ({ email: `${from + index}@example.com`, ...more })),
      { action: 'createDuplicate' },
    );
  }
}

describe('values', () => {
  testEvery(2, [
    ['a comma list', 'filterValues=2@example.com,0@example.com'],
    ['repeated parameters', 'filterValues=2@example.com&filterValues=0@example.com'],
    [
      'both, with blanks around the values',
      'filterValues=%202@example.com%20,x&filterValues=0@example.com%20,,',
    ],
    ['other letters', 'filterValues=2@EXAMPLE.com,0@Example.Com'],
    ['the same twice', 'filterValues=0@example.com,2@example.com,0@example.com'],
  ])('in %s; leads come by id, each once', async (_how, values) => {
    await leads(3);
    expect(idsOf((await get(`filterType=email&${values}`)).json.result)).toEqual([0, 2]);
  });

  test('without a match the result is empty', async () => {
    const { text } = await get('filterType=email&filterValues=x@example.com');
    expect(text).toMatch(/,"success":true,"result":\[\]\}$/);
  });

  test('300 are taken, 301 are not', async () => {
    await leads(2);
    const values = (count: number) => Array.from({ length: count }, (_, index) => FIRST + index).join(',');
    const find = (count: number) =>
      rest.request('POST', '/leads.json', {
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: `_method=GET&filterType=id&filterValues=${values(count)}`,
      });
    expect(idsOf((await find(300)).json.result)).toEqual([0, 1]);
    expect(errorOf(await find(301))).toMatch(/^1003 Too many values/);
  });

  testEvery(3, [
    ['filterType=&filterValues=1', '1003 filterType not specified'],
    ['filterValues=1', '1003 filterType not specified'],
    ['filterType=id', '1003 filterValues not specified'],
    ['filterType=id&filterValues=%20,', '1003 filterValues not specified'],
    ['filterType=pants&filterValues=1', "1006 Field 'pants' not found"],
    ['filterType=firstName&filterValues=1', "1011 Lookup field 'firstName' is not supported"],
    ['filterType=email&filterValues=a&fields=id,pants', "1006 Field 'pants' not found"],
    ['filterType=cookies&filterValues=c1', "1012 Invalid cookie value 'c1'"],
    ['filterType=cookies&filterValues=id:1%26token:2,token:3', "1012 Invalid cookie value 'token:3'"],
  ])('%s is refused', async (query, error) => {
    expect(errorOf(await get(query))).toBe(error);
  });
});

describe('by each field', () => {
  testEvery(3, [
    ['sfdcLeadId', '00Q1'],
    ['sfdcContactId', '0031'],
    ['crmPersonId', 'C1'],
    ['netsuiteId', 'N1'],
    ['sfdcAccountId', '0011'],
    ['sfdcLeadOwnerId', '0051'],
    ['sfdcOpptyId', '0061'],
  ])('%s', async (field, value) => {
    await rest.results([{ email: 'a@example.com', [field]: value }, { email: 'b@example.com' }]);
    expect(await rest.find(field, value, field)).toEqual([{ id: FIRST, [field]: value }]);
    expect(await rest.find(field, value.toLowerCase() === value ? 'x' : value.toLowerCase())).toEqual([]);
  });

  test('a custom field, whose leads are all found', async () => {
    await sandbox.control('POST', '/fields', { name: 'Customer number', type: 'integer' });
    await leads(3, { customerNumber: 7 });
    expect(idsOf(await rest.find('customerNumber', 7))).toEqual([0, 1, 2]);
  });

  test('the partition', async () => {
    await leads(1);
    await sandbox.sync(email('e@example.com'), { workspace: 'Europe' });
    expect(idsOf(await rest.find('leadPartitionId', '2'))).toEqual([1]);
    expect(idsOf(await rest.find('leadPartitionId', '1,2'))).toEqual([0, 1]);
  });

  test('the id, the lead of the examples included', async () => {
    expect(await rest.find('id', '1000000,7,x', 'email')).toEqual([
      { id: 1000000, email: 'george@example.com' },
    ]);
  });

  test('a foreign id given by SOAP', async () => {
    await sandbox.sync(email('a@example.com') + foreign('C1', 'CUSTOM'));
    expect(idsOf(await rest.find('crmPersonId', 'C1'))).toEqual([0]);
    expect(await rest.find('netsuiteId', 'C1')).toEqual([]);
  });
});

describe('by cookies', () => {
  test('a known lead; the field shows the part after token:', async () => {
    await sandbox.sync(email('a@example.com'), { cookie: COOKIE.replace('&', '&amp;') });
    expect(await rest.find('cookies', COOKIE, 'cookies,email')).toEqual([
      { id: FIRST, cookies: '_mch-example.com-1', email: 'a@example.com' },
    ]);
  });

  test('no anonymous lead, until it is known', async () => {
    await sandbox.control('POST', '/visits', { cookie: COOKIE });
    expect(await rest.find('cookies', COOKIE)).toEqual([]);
    expect(await rest.find('id', FIRST, 'isAnonymous')).toEqual([{ id: FIRST, isAnonymous: true }]);
    await sandbox.sync(id(FIRST));
    expect(await rest.find('cookies', COOKIE, 'isAnonymous')).toEqual([{ id: FIRST, isAnonymous: false }]);
  });

  test('a cookie that no lead has finds none', async () => {
    expect(await rest.find('cookies', COOKIE)).toEqual([]);
  });
});

describe('fields', () => {
  beforeEach(async () => {
    await rest.results([{ email: 'a@example.com', firstName: 'Ann' }]);
  });

  test('id, names, address and times, unless others are asked for', async () => {
    const answer = await get('filterType=email&filterValues=a@example.com');
    expect(answer.text).toContain(
      `"result":[{"id":${FIRST},"firstName":"Ann","lastName":null,"email":"a@example.com",` +
        `"updatedAt":"2026-03-02T12:00:00Z","createdAt":"2026-03-02T12:00:00Z"}]`,
    );
    expect((await get('filterType=email&filterValues=a@example.com&fields=')).text).toContain(
      '"lastName":null',
    );
  });

  testEvery(2, [
    ['fields=unsubscribed,firstName,lastName', '"unsubscribed":false,"firstName":"Ann","lastName":null'],
    ['fields=unsubscribed&fields=%20firstName,', '"unsubscribed":false,"firstName":"Ann"'],
    ['fields=firstName,id,firstName', '"firstName":"Ann"'],
    [
      'fields=leadScore,dateOfBirth,urgency,cookies',
      '"leadScore":null,"dateOfBirth":null,"urgency":null,"cookies":null',
    ],
    ['fields=contactCompany,inferredCountry', '"contactCompany":null,"inferredCountry":null'],
    ['fields=doNotCall,isAnonymous', '"doNotCall":false,"isAnonymous":false'],
  ])('%s: id first, then in the order asked; null where unset, booleans never', async (fields, members) => {
    const { text } = await get(`filterType=email&filterValues=a@example.com&${fields}`);
    expect(text).toContain(`"result":[{"id":${FIRST},${members}}]`);
  });
});

describe('pages', () => {
  async function pages(query: string): Promise<{ ids: number[]; more: unknown[] }> {
    const ids: number[] = [];
    const more: unknown[] = [];
    for (let token = ''; ;) {
      const { json } = await get(`${query}&nextPageToken=${token}`);
      ids.push(...idsOf(json.result));
      more.push(json.moreResult);
      if (json.nextPageToken === undefined) return { ids, more };
      token = json.nextPageToken;
    }
  }

  test('of batchSize leads; moreResult is false once in a while although a token leads on', async () => {
    await leads(13);
    const { ids, more } = await pages('filterType=leadPartitionId&filterValues=1&batchSize=2');
    expect(ids).toEqual(Array.from({ length: 13 }, (_, index) => index));
    expect(more).toEqual([true, true, false, true, true, false, undefined]);
  });

  test('of 300 leads without batchSize, the token and moreResult last in the answer', async () => {
    await leads(301);
    const { text, json } = await get('filterType=leadPartitionId&filterValues=1');
    expect(json.result).toHaveLength(300);
    expect(text).toMatch(/\}\],"nextPageToken":"[\w-]+","moreResult":true\}$/);
    expect((await pages('filterType=leadPartitionId&filterValues=1')).ids).toHaveLength(301);
  });

  test('a page that is full to the last lead is the last', async () => {
    await leads(4);
    expect((await pages('filterType=leadPartitionId&filterValues=1&batchSize=2')).more).toEqual([
      true,
      undefined,
    ]);
  });

  testEvery(2, ['0', '301', '-1', '1.5', 'x'])('a batchSize of %s is refused', async (size) => {
    expect(errorOf(await get(`filterType=id&filterValues=1&batchSize=${size}`))).toMatch(/^1003 /);
  });

  test('a token that was not given is refused', async () => {
    expect(errorOf(await get('filterType=id&filterValues=1&nextPageToken=abc'))).toMatch(/^1003 /);
  });

  test('1,000 matches are answered, 1,001 are too many', async () => {
    await leads(1000);
    const query = 'filterType=leadPartitionId&filterValues=1';
    expect((await get(query)).json.result).toHaveLength(300);
    await leads(1);
    expect(errorOf(await get(query))).toBe('1003 Too many results match the filter');
  });
});
