import { expect, test } from 'vitest';
import { GatewayError } from '../../../src/leads/errors.ts';
import type { UpsertLead } from '../../../src/leads/lead.ts';
import { directoryThat, startApp, unreachable } from '../../support/app.ts';
import { putBatch } from '../../support/batch.ts';
import { bearer, PUBLISHABLE, SECRET, startKeyedGateway, startTestGateway } from '../../support/gateway.ts';
import { TEST_KEYS } from '../../support/recordings.ts';
import { testEvery } from '../../support/exhaustive.ts';

const jane = { email: 'jane@example.com' };

/** A directory that answers each lead by its address, the later the sooner. */
function reversedDirectory(taken: UpsertLead[] = []) {
  return directoryThat(async (command) => {
    taken.push(command);
    for (let turns = 50 - taken.length; turns > 0; turns -= 1) await Promise.resolve();
    return { leadId: Number(command.email?.split('@')[0]), status: 'CREATED' };
  });
}

test('answers one result per lead, in the order of the leads', async () => {
  const { url } = await startApp({ directory: reversedDirectory() });
  const leads = Array.from({ length: 40 }, (_, at) => ({ email: `${at + 1}@example.com` }));
  const { status, headers, results } = await putBatch(url, { leads });
  expect(status).toBe(200);
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(results).toEqual(
    leads.map((_, index) => ({ index, status: 201, leadId: index + 1, result: 'CREATED' })),
  );
});

test('stores leads, and tells what is wrong with others', async () => {
  const { url } = await startTestGateway();
  const { results } = await putBatch(url, {
    leads: [
      jane,
      { email: 'no address' },
      { ...jane, attributes: { FirstName: 'Jane' }, returnLead: true },
      7,
    ],
  });
  expect(results[0]).toMatchObject({ index: 0, status: 201, result: 'CREATED' });
  expect(results[1]).toMatchObject({
    index: 1,
    status: 422,
    problem: { status: 422, errors: [{ pointer: '#/email' }] },
  });
  expect(results[2]).toMatchObject({
    status: 200,
    result: 'UPDATED',
    lead: { attributes: { FirstName: 'Jane' } },
  });
  expect(results[2]?.leadId).toBe(results[0]?.leadId);
  expect(results[3]).toMatchObject({ index: 3, status: 422 });
});

testEvery(3, [
  ['', 400, /empty/],
  ['{"leads":[{"email":"a@b.de"},', 400, /^Line 1, column 30: /],
  [
    '{"leads":[\n  {"email":"a@b.de"},\n  {"email":}]}',
    400,
    /^Line 3, column 12: expected a value, found "}"/,
  ],
  [
    '{"leads":[{"email":"a@b.de"} {"email":"a@b.de"}]}',
    400,
    /column 30: expected "," or the end of the list/,
  ],
  ['{"leads":[{"email":"a@b.de"}]} x', 400, /expected nothing more/],
  ['{"leads":[{"email":"a@b.de"}],}', 400, /expected a member name/],
  ['{"leads":[{"email":"a@b.de"},]}', 400, /column 30/],
  ['{leads:[]}', 400, /expected a member name/],
  ['nothing', 400, /expected "\{"/],
  ['{"leads":[]}', 422, /at least one lead/],
  ['{"leads":{}}', 422, /must be a list/],
  ['{}', 422, /leads is missing/],
  ['null', 422, /The body must be an object; send/],
  [' 5 ', 422, /The body must be an object; send/],
  ['"leads"', 422, /The body must be an object; send/],
  ['nul', 400, /^Line 1, column 1: expected "\{"/],
  ['"leads', 400, /^Line 1, column 1: expected "\{"/],
  ['[{"email":"a@b.de"}]', 422, /must be an object/],
  ['{"email":"a@b.de"}', 422, /email is not a member of a batch/],
  ['{"leads":[{"email":"a@b.de"}],"leads":[{"email":"a@b.de"}]}', 422, /given twice/],
  [JSON.stringify({ leads: Array.from({ length: 1001 }, () => jane) }), 422, /at most 1000 leads/],
])('refuses %.40s as a whole', async (text, status, detail) => {
  const { url } = await startApp({ directory: unreachable });
  const answer = await putBatch(url, text);
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.body.detail).toMatch(detail);
});

test('refuses what is not UTF-8 as a whole', async () => {
  const { url } = await startApp({ directory: unreachable });
  const body = Buffer.from('{"leads":[{"email":"a@b.de","attributes":{"LastName":"\u00E9"}}]}', 'latin1');
  const response = await fetch(`${url}/leads/batch`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body,
  });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ detail: expect.stringMatching(/column 11: .*UTF-8/) });
});

test('refuses more than 8 MiB, and takes a mebibyte for one lead', async () => {
  const { url } = await startApp();
  const lead = (length: number) => ({ ...jane, attributes: { Notes: 'x'.repeat(length) } });
  const many = await putBatch(url, { leads: Array.from({ length: 200 }, () => lead(45_000)) });
  expect(many.status).toBe(413);
  const wide = {
    ...jane,
    attributes: Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`a${at}`, 'x'.repeat(60_000)])),
  };
  const { results } = await putBatch(url, { leads: [wide, lead(60_000)] });
  expect(results.map(({ status }) => status)).toEqual([413, 200]);
});

test('reads white space, a byte order mark, and brackets and quotes in texts', async () => {
  const taken: UpsertLead[] = [];
  const { url } = await startApp({ directory: reversedDirectory(taken) });
  const text = `\uFEFF {\r\n "le\\u0061ds" : [ {"email":"1@example.com","attributes":{"A":"]}[{,\\"\\\\"}} ,\n{"email":"2@example.com"}\t] } \n`;
  const { results } = await putBatch(url, text);
  expect(results.map(({ leadId }) => leadId)).toEqual([1, 2]);
  expect(taken[0]?.attributes).toEqual([{ name: 'A', value: ']}[{,"\\' }]);
});

test('refuses other types, methods and encodings', async () => {
  const { url } = await startApp({ directory: unreachable });
  const xml = await putBatch(url, '<x/>', { 'content-type': 'text/xml' });
  expect(xml.status).toBe(415);
  expect(xml.body.detail).toMatch(/application\/json or application\/x-ndjson/);
  const encoded = await putBatch(url, { leads: [jane] }, { 'content-encoding': 'zstd' });
  expect(encoded.status).toBe(415);
  const post = await fetch(`${url}/leads/batch`, { method: 'POST' });
  expect([post.status, post.headers.get('allow')]).toEqual([405, 'PUT, OPTIONS']);
});

test('lets secret keys in with their permissions, and no publishable key', async () => {
  const narrow = { name: 'narrow', key: TEST_KEYS.secret, kind: 'secret', attributes: ['FirstName'] };
  const { url } = await startKeyedGateway([narrow, PUBLISHABLE]);
  const batch = {
    leads: [jane, { id: 5 }, { ...jane, attributes: { LastName: 'Doe' } }, { ...jane, returnLead: true }],
  };
  const { results } = await putBatch(url, batch, bearer(TEST_KEYS.secret));
  expect(results.map(({ status }) => status)).toEqual([201, 403, 403, 403]);
  const origin = { origin: 'https://www.example.com' };
  const page = await putBatch(url, batch, { ...bearer(TEST_KEYS.publishable), ...origin });
  expect([page.status, page.body.type]).toEqual([403, expect.stringMatching(/forbidden$/)]);
  expect((await putBatch(url, batch)).status).toBe(401);
});

test('points to attributes as they were sent, and says when to come again', async () => {
  const directory = directoryThat((command) => {
    if (command.email === 'late@example.com')
      throw new GatewayError('daily-quota-exhausted', { detail: 'no calls', retryAfterSeconds: 4.2 });
    throw new GatewayError('unknown-attribute', {
      detail: 'unknown',
      errors: [{ pointer: '#/attributes/Nope', detail: 'is unknown' }],
    });
  });
  const { url, log } = await startApp({ directory });
  const { results } = await putBatch(url, {
    leads: [{ ...jane, attributeList: [{ name: 'Nope', value: 1 }] }, { email: 'late@example.com' }],
  });
  expect(results[0]?.problem.errors).toEqual([{ pointer: '#/attributeList/0/name', detail: 'is unknown' }]);
  expect(results[1]).toMatchObject({ status: 429, retryAfter: 5, problem: { retryable: true } });
  expect(log().filter(({ msg }) => msg === 'request answered')).toHaveLength(1);
});

test('sends leads of one person in their order, and all others together', async () => {
  const { url, sandboxUrl } = await startTestGateway();
  const leads = Array.from({ length: 600 }, (_, at) => ({ email: `p${at}@example.com` }));
  const again = { email: 'P0@example.com', attributes: { FirstName: 'last' }, returnLead: false };
  const { results } = await putBatch(url, {
    leads: [...leads, { ...again, attributes: { FirstName: 'first' } }, again],
  });
  expect(results.map(({ status }) => status)).toEqual([...leads.map(() => 201), 200, 200]);
  const [stored] = (await putBatch(url, { leads: [{ email: 'p0@example.com', returnLead: true }] })).results;
  expect(stored?.lead.attributes.FirstName).toBe('last');
  const { calls } = (await (await fetch(`${sandboxUrl}/_sandbox/calls`)).json()) as {
    calls: { records: number }[];
  };
  expect(Math.max(...calls.map(({ records }) => records))).toBe(300);
  expect(calls.length).toBeLessThanOrEqual(7);
});

test('keeps permissions of a key that may do everything', async () => {
  const { url } = await startKeyedGateway([SECRET]);
  const { results } = await putBatch(
    url,
    { leads: [{ ...jane, returnLead: true }] },
    bearer(TEST_KEYS.secret),
  );
  expect(results[0]?.status).toBe(201);
});

test('lists no more than a hundred mistakes of a lead, however large the lead is', async () => {
  const { url } = await startApp({ directory: unreachable });
  const wrong = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`m${at}`, 1]));
  const { results } = await putBatch(url, { leads: [wrong(100), wrong(900), wrong(6000)] });
  expect(results.map(({ problem }) => problem.errors.length)).toEqual([100, 100, 100]);
  expect(results[1]?.problem.detail).toMatch(/90\d members are not valid\..* errors lists the first 100\.$/);
  expect(results[2]?.problem.detail).toMatch(/600\d members are not valid\..* errors lists the first 100\.$/);
  expect(results[2]?.problem.detail.match(/errors lists/g)).toHaveLength(1);
});

test('does not repeat the long name of a member', async () => {
  const { url } = await startApp({ directory: unreachable });
  const { status, text } = await putBatch(url, { leads: [jane], ['x'.repeat(100_000)]: 1 });
  expect(status).toBe(422);
  expect(text.length).toBeLessThan(1000);
});
