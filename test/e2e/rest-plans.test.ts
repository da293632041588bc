import { describe, expect, test } from 'vitest';
import { type Answer, startTestGateway } from '../support/gateway.ts';
import {
  refuse,
  type RestBehaviour,
  sendJson,
  startRestUpstream,
  succeed,
} from '../support/rest-upstream.ts';
import { createVirtualClock, passUntil } from '../support/virtual-clock.ts';
import { testEvery } from '../support/exhaustive.ts';

const FOREIGN = {
  MARKETO_FOREIGN_ID_FIELDS:
    '{"CUSTOM":"crmPersonId","NETSUITE":"netsuiteId","SFDC":"sfdcLeadId|sfdcContactId"}',
};
const EMEA = { MARKETO_WORKSPACE_PARTITIONS: '{"EMEA":"Europe"}' };
const COOKIE = 'id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169';

/** A gateway whose clock moves only while a lead waits or a test moves it; no pauses between attempts. */
async function start(behaviour: RestBehaviour = {}, env: Readonly<Record<string, string>> = {}) {
  const clock = createVirtualClock();
  let calling = 0;
  const upstream = await startRestUpstream({
    ...behaviour,
    call(response, ...rest) {
      calling += 1;
      response.once('close', () => (calling -= 1));
      return behaviour.call?.(response, ...rest);
    },
  });
  const gateway = await startTestGateway(
    { ...upstream.env, MARKETO_MAX_CALLS_PER_20S: '100000', ...env },
    { random: () => 0, ...clock },
  );
  const put = (lead: object, stepMs?: number): Promise<Answer> =>
    passUntil(clock, gateway.putLead(lead), stepMs, () => calling > 0);
  return { clock, upstream, gateway, put };
}

const slugOf = ({ status, body }: Answer) => (status < 300 ? body.status : /[^/]+$/.exec(body.type)?.[0]);
const isFind = (url: string) => url.includes('filterType=');
const skipped = (code: string) => [{ status: 'skipped', reasons: [{ code, message: 'said' }] }];

describe('a lead that is in another partition (1010)', () => {
  const moved = (found: readonly object[], times: number): RestBehaviour => {
    let syncs = 0;
    return {
      call(response, { url, body }) {
        if (isFind(url)) return succeed(response, found);
        if (!body.includes('createOrUpdate')) return undefined;
        syncs += 1;
        return syncs <= times ? succeed(response, skipped('1010')) : undefined;
      },
    };
  };
  const lead = { email: 'a@example.com', workspace: 'EMEA' };
  const kinds = (paths: readonly string[]) => paths.map((path) => path.replace(/ .*/, ''));

  test('and is not found by its email: the plan starts again', async () => {
    const { upstream, put } = await start(moved([], 1), EMEA);
    expect(slugOf(await put(lead))).toBe('CREATED');
    expect(kinds(upstream.paths())).toEqual(['POST', 'GET', 'POST']);
    expect(upstream.syncs().map(({ partitionName }) => partitionName)).toEqual(['Europe', 'Europe']);
  });
  test('and is not found the second time either: an error that passes', async () => {
    const { upstream, put } = await start(moved([], 2), EMEA);
    const { status, body } = await put(lead);
    expect([status, body.retryable]).toEqual([502, true]);
    expect(kinds(upstream.paths())).toEqual(['POST', 'GET', 'POST', 'GET']);
  });
  test('and is one of several with its email: refused', async () => {
    const several = [
      { id: 1, email: 'a@example.com' },
      { id: 2, email: 'A@example.com' },
    ];
    const { upstream, put } = await start(moved(several, 1), EMEA);
    const answer = await put(lead);
    expect(slugOf(answer)).toBe('lead-rejected');
    expect(answer.body.detail).toMatch(/^Several leads in Marketo have this key\. Send the id/);
    expect(upstream.paths()).toHaveLength(2);
  });
  test('than the default one, without a workspace in the request: written where it is', async () => {
    const { upstream, put } = await start(moved([{ id: 7, email: 'A@example.com' }], 1));
    expect((await put({ email: 'a@example.com' })).status).toBeLessThan(300);
    const [, update] = upstream.syncs();
    expect(update).toEqual({
      action: 'updateOnly',
      lookupField: 'id',
      input: [{ id: 7, email: 'a@example.com' }],
    });
  });
  test('by another key than the email: refused', async () => {
    const { put } = await start(
      {
        call: (response, { method }) => (method === 'POST' ? succeed(response, skipped('1010')) : undefined),
      },
      { ...FOREIGN, ...EMEA },
    );
    const answer = await put({ foreignSysPersonId: 'c1', foreignSysType: 'CUSTOM', workspace: 'EMEA' });
    expect(slugOf(answer)).toBe('lead-rejected');
    expect(answer.body.errors).toMatchObject([{ pointer: '#/workspace' }]);
  });
});

describe('Describe', () => {
  const described = (fields: () => unknown): RestBehaviour => ({
    call(response, { url }) {
      if (!url.endsWith('/describe.json')) return undefined;
      const result = fields();
      return result === undefined ? refuse(response, '603', 'Access denied') : succeed(response, result);
    },
  });
  const FIRST_NAME = { email: 'a@example.com', attributes: { FirstName: 'Jane' } };

  test('that cannot be had at the start: the gateway serves, and leads that need it wait for it', async () => {
    let fields: unknown;
    const { upstream, gateway, put } = await start(described(() => fields));
    expect((await gateway.request('GET', '/healthz')).status).toBe(200);
    expect(slugOf(await put({ email: 'a@example.com' }))).toBe('CREATED');
    expect(slugOf(await put({ id: 5 }))).toBe('CREATED');
    expect(slugOf(await put({ marketoCookie: COOKIE }))).toBe('lead-rejected');
    for (const lead of [FIRST_NAME, { email: 'b@example.com', returnLead: true }]) {
      const answer = await put(lead);
      expect(slugOf(answer)).toBe('upstream-access-denied');
      expect(answer.body.upstream).toMatchObject({ code: 603, message: 'Access denied' });
    }
    fields = [{ id: 1, displayName: 'x', dataType: 'string', rest: { name: 'firstName', readOnly: false } }];
    expect(slugOf(await put(FIRST_NAME))).toBe('CREATED');
    expect(upstream.syncs().at(-1).input).toEqual([{ email: 'a@example.com', firstName: 'Jane' }]);
  });

  test('that is away after its day: leads that need it get that problem until it is back', async () => {
    let isAway = false;
    const { clock, upstream, put } = await start({
      call(response, { url }) {
        if (isAway && url.endsWith('/describe.json')) return sendJson(response, '', 503);
        return undefined;
      },
    });
    expect(slugOf(await put(FIRST_NAME))).toBe('CREATED');
    isAway = true;
    await clock.advance(23 * 3_600_000);
    expect(slugOf(await put(FIRST_NAME))).toBe('CREATED');
    await clock.advance(3_600_000);
    expect(slugOf(await put(FIRST_NAME))).toBe('upstream-unreachable');
    expect(slugOf(await put({ email: 'b@example.com' }))).toBe('CREATED');
    isAway = false;
    expect(slugOf(await put(FIRST_NAME))).toBe('CREATED');
    expect(upstream.paths().filter((path) => path.endsWith('/describe.json'))).toHaveLength(7);
  });

  test('is read again for a name that it does not have, once a minute at most', async () => {
    const fields = [{ rest: { name: 'firstName' } }];
    const { clock, upstream, put } = await start(described(() => fields));
    const lead = { email: 'a@example.com', attributes: { shoeSize: '44' } };
    const reads = () => upstream.paths().filter((path) => path.endsWith('/describe.json')).length;
    expect(slugOf(await put(lead))).toBe('unknown-attribute');
    expect(slugOf(await put(lead))).toBe('unknown-attribute');
    expect(reads()).toBe(1);
    await clock.advance(60_000);
    expect(slugOf(await put(lead))).toBe('unknown-attribute');
    expect(reads()).toBe(2);
    fields.push({ rest: { name: 'shoeSize' } });
    await clock.advance(60_000);
    expect(slugOf(await put(lead))).toBe('CREATED');
    expect(upstream.syncs()).toHaveLength(1);
  });

  testEvery(3, [
    ['nothing but the REST name', { rest: { name: 'firstName' } }, 'FirstName'],
    [
      'no SOAP names',
      { dataType: 'string', length: 255, rest: { name: 'firstName', readOnly: false } },
      'firstName',
    ],
    ['a SOAP name that is null', { rest: { name: 'firstName' }, soap: null }, 'FirstName'],
    ['a SOAP name that is no text', { rest: { name: 'firstName' }, soap: { name: 7 } }, 'FirstName'],
    ['another SOAP name', { rest: { name: 'firstName' }, soap: { name: 'Given' } }, 'Given'],
    ['a type never seen', { dataType: 'hologram', rest: { name: 'firstName' } }, 'FirstName'],
    ['a type in capitals', { dataType: 'String', rest: { name: 'firstName' } }, 'FirstName'],
    ['a length in words', { dataType: 'string', length: 'long', rest: { name: 'firstName' } }, 'FirstName'],
  ])('with %s is used', async (_, field, name) => {
    const { upstream, put } = await start(described(() => [null, 'x', {}, { rest: null }, field]));
    expect(slugOf(await put({ email: 'a@example.com', attributes: { [name]: 'Jane' } }))).toBe('CREATED');
    expect(upstream.syncs()[0].input).toEqual([{ email: 'a@example.com', firstName: 'Jane' }]);
  });
});

describe('describe2.json', () => {
  const LEAD = { foreignSysPersonId: 'c1', foreignSysType: 'CUSTOM' };
  test.each([
    ['lists of names', [{ name: 'API Lead', searchableFields: [['id'], ['crmPersonId']], fields: [] }]],
    ['names', [{ searchableFields: ['id', 'crmPersonId'] }]],
    ['pairs of names', [{ searchableFields: [['id', 'crmPersonId'], null, 7] }]],
  ])('with %s tells what leads are found by', async (_, result) => {
    const behaviour: RestBehaviour = {
      call: (response, { url }) => (url.endsWith('/describe2.json') ? succeed(response, result) : undefined),
    };
    const { upstream, put } = await start(behaviour, FOREIGN);
    expect(slugOf(await put(LEAD))).toBe('CREATED');
    expect(upstream.syncs()[0].lookupField).toBe('crmPersonId');
  });
  testEvery(3, [
    ['610', (response) => refuse(response, '610'), 'upstream-error'],
    ['no result', (response) => succeed(response), 'upstream-bad-response'],
    ['nothing', (response) => succeed(response, []), 'upstream-bad-response'],
    [
      'no searchable fields',
      (response) => succeed(response, [{ name: 'API Lead' }]),
      'upstream-bad-response',
    ],
    [
      'other searchable fields',
      (response) => succeed(response, [{ searchableFields: [['id']] }]),
      'upstream-error',
    ],
  ] as [string, NonNullable<RestBehaviour['call']>, string][])(
    'with %s concerns foreign ids alone',
    async (_, answer, slug) => {
      const behaviour: RestBehaviour = {
        call: (response, call, nth) =>
          call.url.endsWith('/describe2.json') ? answer(response, call, nth) : undefined,
      };
      const { upstream, put } = await start(behaviour, FOREIGN);
      expect(slugOf(await put(LEAD))).toBe(slug);
      expect(slugOf(await put({ email: 'a@example.com', attributes: { FirstName: 'Jane' } }))).toBe(
        'CREATED',
      );
      expect(upstream.syncs()).toHaveLength(1);
    },
  );
});

test.each([
  ['a field that is not in Describe', '{"CUSTOM":"crmId"}'],
  ['a field that cannot be searched', '{"CUSTOM":"firstName"}'],
  ['a field of another type', '{"CUSTOM":"leadScore"}'],
])('a foreign id with %s is no fault of its caller', async (_, map) => {
  const { upstream, put } = await start(
    {
      call: (response, { url }) =>
        url.endsWith('/describe2.json')
          ? succeed(response, [{ searchableFields: [['leadScore'], ['crmId']] }])
          : undefined,
    },
    { MARKETO_FOREIGN_ID_FIELDS: map },
  );
  const answer = await put({ foreignSysPersonId: 'c1', foreignSysType: 'CUSTOM' });
  expect(slugOf(answer)).toBe('upstream-error');
  expect(answer.body.detail).toContain('MARKETO_FOREIGN_ID_FIELDS');
  expect(upstream.syncs()).toEqual([]);
});

describe('foreign ids', () => {
  const sfdc = (foreignSysPersonId: string, more = {}) => ({
    foreignSysPersonId,
    foreignSysType: 'SFDC',
    ...more,
  });
  test('of contacts and leads in Salesforce go to their own fields', async () => {
    const { upstream, put } = await start(
      {
        call: (response, { url }) =>
          isFind(url) ? succeed(response, [{ id: 9, sfdcLeadId: '00Q1' }]) : undefined,
      },
      FOREIGN,
    );
    expect(slugOf(await put(sfdc('0031')))).toBe('CREATED');
    // The field of leads is read-only.
    expect(slugOf(await put(sfdc('00Q1', { email: 'a@example.com' })))).toBe('CREATED');
    expect(upstream.syncs()).toEqual([
      { action: 'createOrUpdate', lookupField: 'sfdcContactId', input: [{ sfdcContactId: '0031' }] },
      { action: 'updateOnly', lookupField: 'id', input: [{ id: 9, email: 'a@example.com' }] },
    ]);
  });
  testEvery(2, ['0011', '00q1', '', 'x'])('of another kind (%j) are refused, with a pointer', async (id) => {
    const { upstream, put } = await start({}, FOREIGN);
    const answer = await put({ ...sfdc(id), email: 'a@example.com' });
    expect(slugOf(answer)).toBe('validation-failed');
    expect(answer.body.errors).toMatchObject([{ pointer: '#/foreignSysPersonId' }]);
    expect(upstream.paths()).toEqual([]);
  });
  test('beside an id are written, unless REST cannot', async () => {
    const { upstream, put } = await start({}, FOREIGN);
    expect(slugOf(await put({ id: 5, ...sfdc('0031') }))).toBe('CREATED');
    expect(upstream.syncs()[0].input).toEqual([{ id: 5, sfdcContactId: '0031' }]);
    const refused = await put({ id: 5, ...sfdc('00Q1') });
    expect(slugOf(refused)).toBe('lead-rejected');
    expect(refused.body.errors).toMatchObject([{ pointer: '#/foreignSysPersonId' }]);
  });
  testEvery(3, ['4.5', '2147483648', '-2147483649', '007', '1e3', '+5', ' 5', 'x'])(
    'that are integers cannot be %j',
    async (foreignSysPersonId) => {
      const { put } = await start({}, FOREIGN);
      const answer = await put({ foreignSysPersonId, foreignSysType: 'NETSUITE' });
      expect(slugOf(answer)).toBe('validation-failed');
      expect(answer.body.errors).toMatchObject([{ pointer: '#/foreignSysPersonId' }]);
    },
  );
  test('of a type without a field are refused by the name of the variable', async () => {
    const { put } = await start();
    const answer = await put({ foreignSysPersonId: 'c1', foreignSysType: 'CUSTOM' });
    expect(slugOf(answer)).toBe('validation-failed');
    expect(answer.body.errors).toMatchObject([{ pointer: '#/foreignSysType' }]);
    expect(answer.body.detail).toContain('MARKETO_FOREIGN_ID_FIELDS');
  });
});

test('a lead over 1,000,000 bytes is refused before it is sent, and one that fits goes', async () => {
  const names = Array.from({ length: 20 }, (_, n) => `field${n}`);
  const { upstream, put } = await start({
    call: (response, { url }) =>
      url.endsWith('/describe.json')
        ? succeed(
            response,
            names.map((name) => ({ dataType: 'text', rest: { name } })),
          )
        : undefined,
  });
  /** A lead that takes that many bytes in a call, with what goes around it. */
  const leadOf = (bytes: number, letter = 'x') => {
    const lead = { email: 'a@example.com', ...Object.fromEntries(names.map((name) => [name, ''])) };
    const frame = `{"action":"createOrUpdate","lookupField":"email","input":[${JSON.stringify(lead)}]}`;
    const letters = (bytes - frame.length) / Buffer.byteLength(letter);
    const each = Math.floor(letters / names.length);
    const attributes = names.map((name, n) => [name, letter.repeat(n > 0 ? each : letters - each * 19)]);
    return { email: lead.email, attributes: Object.fromEntries(attributes) };
  };
  const tooLarge = await put(leadOf(1_000_001));
  expect([tooLarge.status, slugOf(tooLarge)]).toEqual([413, 'body-too-large']);
  // Bytes count and not characters.
  expect(slugOf(await put(leadOf(1_010_000, 'ü')))).toBe('body-too-large');
  expect(upstream.syncs()).toEqual([]);
  expect(slugOf(await put(leadOf(1_000_000)))).toBe('CREATED');
  expect(upstream.calls.map(({ body }) => Buffer.byteLength(body)).at(-1)).toBe(1_000_000);
});

describe('what follows a stored lead fails until the deadline', () => {
  const endings = [
    ['associate', { id: 5, marketoCookie: COOKIE }, 'its cookie was not linked yet'],
    ['filterType=id', { email: 'a@example.com', returnLead: true }, 'it could not be read back'],
  ] as const;
  const codes = [
    ['608', 'upstream-error'],
    ['604', 'upstream-error'],
    ['614', 'upstream-unreachable'],
    ['606', 'upstream-busy'],
    ['615', 'upstream-busy'],
    ['607', 'daily-quota-exhausted'],
  ] as const;
  const cases = codes.flatMap((code) => endings.map((ending) => ({ code, ending })));
  testEvery(5, cases)('$code: $ending.0', async ({ code: [code, slug], ending: [what, lead, ending] }) => {
    const { clock, upstream, put } = await start({
      call: (response, { url }) => (url.includes(what) ? refuse(response, code) : undefined),
    });
    const answer = await put(lead, 250);
    expect(slugOf(answer)).toBe(slug);
    expect(answer.body.retryable).toBe(true);
    expect(answer.body.detail.endsWith(` The lead was stored (id 1000001); ${ending}.`)).toBe(true);
    expect(upstream.syncs()).toHaveLength(1);
    expect(clock.monotonicMs()).toBeLessThanOrEqual(25_500);
  });
  test.each(endings)('%s by a time-out', async (what, lead, ending) => {
    const { upstream, put } = await start(
      { call: (_, { url }) => (url.includes(what) ? true : undefined) },
      { UPSTREAM_TIMEOUT_MS: '400' },
    );
    const answer = await put(lead);
    expect(slugOf(answer)).toBe('upstream-timeout');
    expect(answer.body.retryable).toBe(true);
    expect(answer.body.detail.endsWith(` The lead was stored (id 1000001); ${ending}.`)).toBe(true);
    expect(upstream.syncs()).toHaveLength(1);
  });
});
