import { expect, test } from 'vitest';
import { type Answer, startTestGateway, type TestGateway } from '../support/gateway.ts';
import {
  refuse,
  type RestBehaviour,
  sendJson,
  startRestUpstream,
  succeed,
} from '../support/rest-upstream.ts';
import type { ReceivedCall } from '../support/upstream.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const COOKIE = (n: number) => `id:287-GTJ-838&token:_mch-marketo.com-${1_396_310_362_214 + n}-46169`;

/** A gateway that makes one call at a time; the first takes until the test lets it go, so that leads gather. */
async function start(call: NonNullable<RestBehaviour['call']>, env: Readonly<Record<string, string>> = {}) {
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const upstream = await startRestUpstream({
    call: async (response, received, nth) => {
      if (received.body.includes('first@example.com')) {
        await gate;
        return undefined;
      }
      return call(response, received, nth);
    },
  });
  const gateway = await startTestGateway(
    { ...upstream.env, MARKETO_MAX_CONCURRENT: '1', MARKETO_MAX_CALLS_PER_20S: '10000', ...env },
    { random: () => 0 },
  );
  /** Sends leads so that they gather behind the first one. */
  const together = async (leads: readonly unknown[]): Promise<readonly Answer[]> => {
    const first = gateway.putLead({ email: 'first@example.com' });
    await until(() => upstream.paths().length > 0);
    const answers = leads.map((lead) => gateway.putLead(lead));
    await until(async () => (await queued(gateway)) >= leads.length);
    open();
    await first;
    return Promise.all(answers);
  };
  return { upstream, gateway, together };
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let round = 0; round < 1000; round += 1) {
    if (await holds()) return;
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  throw new Error('it did not come to that');
}

async function queued(gateway: TestGateway): Promise<number> {
  const { text } = await gateway.request('GET', '/metrics');
  return Number(/^lead_gateway_queue_leads (\d+)$/m.exec(text)?.[1] ?? 0);
}

const emails = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ email: `lead${index}@example.com` }));
const inputOf = ({ body }: ReceivedCall): readonly any[] => JSON.parse(body).input;
const slugs = (answers: readonly Answer[]) =>
  answers.map(({ status, body }) => (status < 300 ? status : /[^/]+$/.exec(body.type)?.[0]));

test('leads of one action, field and partition share a call, and each gets its own answer', async () => {
  const { upstream, together } = await start(
    (response, received) =>
      succeed(
        response,
        inputOf(received).map(({ email, id }, index) =>
          email === 'lead1@example.com'
            ? { status: 'skipped', reasons: [{ code: '1003', message: "Invalid value for field 'email'" }] }
            : { id: id ?? 100 + index, status: id === undefined ? 'created' : 'updated' },
        ),
      ),
    { MARKETO_WORKSPACE_PARTITIONS: '{"EMEA":"Europe"}' },
  );
  const answers = await together([
    ...emails(3),
    { id: 5 },
    { id: 6 },
    { email: 'eu@example.com', workspace: 'EMEA' },
  ]);
  expect(slugs(answers)).toEqual([201, 'lead-rejected', 201, 200, 200, 201]);
  expect(answers.map(({ body }) => body.leadId)).toEqual([100, undefined, 102, 5, 6, 100]);
  expect(answers[1]?.body.errors).toEqual([
    { pointer: '#/email', detail: "is refused by Marketo: Invalid value for field 'email'" },
  ]);
  const shapes = upstream
    .syncs()
    .slice(1)
    .map(({ action, lookupField, partitionName, input }) => [
      action,
      lookupField,
      partitionName,
      input.length,
    ]);
  expect(shapes).toHaveLength(3);
  expect(shapes).toEqual(
    expect.arrayContaining([
      ['createOrUpdate', 'email', undefined, 3],
      ['updateOnly', 'id', undefined, 2],
      ['createOrUpdate', 'email', 'Europe', 1],
    ]),
  );
});

test.each([
  ['609', (response: any) => refuse(response, '609'), 'upstream-error'],
  ['a response-level 1003', (response: any) => refuse(response, '1003'), 'upstream-error'],
  ['HTTP 413', (response: any) => sendJson(response, '', 413), 'body-too-large'],
])('%s splits a call, until one lead is refused alone', async (_, refuseAll, slug) => {
  const { upstream, together } = await start((response, received) =>
    received.body.includes('lead2@') ? refuseAll(response) : undefined,
  );
  const answers = await together(emails(4));
  expect(slugs(answers)).toEqual([201, 201, slug, 201]);
  expect(upstream.syncs().map(({ input }) => input.length)).toEqual([1, 4, 2, 2, 1, 1]);
});

test('an answer with the leads in another order is no success for any of them', async () => {
  const { together } = await start((response, received) =>
    succeed(
      response,
      inputOf(received)
        .map(({ id }) =>
          id === 5
            ? { status: 'skipped', reasons: [{ code: '1003', message: 'said' }] }
            : { id, status: 'updated' },
        )
        .toReversed(),
    ),
  );
  const answers = await together([{ id: 5 }, { id: 6 }, { id: 7 }]);
  expect(slugs(answers)).toEqual(Array(3).fill('upstream-bad-response'));
});

test('611 splits a call the third time', async () => {
  const { upstream, together } = await start((response, received) =>
    received.body.includes('lead0@') && received.body.includes('lead1@')
      ? refuse(response, '611')
      : undefined,
  );
  expect(slugs(await together(emails(2)))).toEqual([201, 201]);
  expect(upstream.syncs().map(({ input }) => input.length)).toEqual([1, 2, 2, 2, 1, 1]);
});

test.each([
  ['1006 for the call', '1006', 'upstream-error'],
  ['1008 for the call', '1008', 'lead-rejected'],
  ['610', '610', 'upstream-error'],
])('%s is about no single lead, so nothing is split', async (_, code, slug) => {
  const { upstream, together } = await start((response) => refuse(response, code));
  expect(slugs(await together(emails(3)))).toEqual([slug, slug, slug]);
  expect(upstream.syncs()).toHaveLength(2);
});

test.each([
  ['fewer', 2],
  ['more', 4],
])('%s results than records are no success for any lead of the call', async (_, count) => {
  const { upstream, together } = await start((response) =>
    succeed(
      response,
      Array.from({ length: count }, (__, index) => ({ id: index + 1, status: 'created' })),
    ),
  );
  expect(slugs(await together(emails(3)))).toEqual(Array(3).fill('upstream-bad-response'));
  expect(upstream.syncs()).toHaveLength(2);
});

test('finds of one field share a call, and what was not asked for, or comes twice, is ignored', async () => {
  const { upstream, together } = await start((response, { url }) => {
    if (!url.includes('filterType=cookies')) return undefined;
    return succeed(response, [
      { id: 21, cookies: COOKIE(1).replace(/^.*token:/, '') },
      { id: 21, cookies: COOKIE(1).replace(/^.*token:/, '') },
      { id: 99, cookies: '_mch-other-1-2' },
      { id: 23, cookies: `_mch-x-1,${COOKIE(3).replace(/^.*token:/, '')}` },
    ]);
  });
  const answers = await together([1, 2, 3].map((n) => ({ marketoCookie: COOKIE(n) })));
  expect(slugs(answers)).toEqual([201, 'lead-rejected', 201]);
  expect(upstream.paths().filter((path) => path.includes('filterType'))).toHaveLength(1);
  expect(upstream.syncs().at(-1).input).toEqual([{ id: 21 }, { id: 23 }]);
});

test('leads are read back together', async () => {
  const { upstream, together } = await start((response, { url }) => {
    if (!url.includes('filterType=id')) return undefined;
    const ids = /filterValues=([^&]+)/.exec(decodeURIComponent(url))?.[1]?.split(',') ?? [];
    return succeed(
      response,
      ids.map((id) => ({ id: Number(id), firstName: `Name ${id}` })),
    );
  });
  const answers = await together(emails(3).map((lead) => ({ ...lead, returnLead: true })));
  expect(answers.map(({ body }) => body.lead.attributes.FirstName)).toEqual(
    answers.map(({ body }) => `Name ${body.leadId}`),
  );
  expect(upstream.paths().filter((path) => path.includes('filterType'))).toHaveLength(1);
});

test('a cookie that Marketo does not take splits a find', async () => {
  const { together } = await start((response, { url }) => {
    if (!url.includes('filterType')) return undefined;
    if (url.includes(encodeURIComponent(COOKIE(2)))) return refuse(response, '1012', 'Invalid cookie value');
    return succeed(response, [{ id: 21, cookies: COOKIE(1) }]);
  });
  const answers = await together([1, 2].map((n) => ({ marketoCookie: COOKIE(n) })));
  expect(slugs(answers)).toEqual([201, 'lead-rejected']);
  expect(answers[1]?.body.errors).toMatchObject([{ pointer: '#/marketoCookie' }]);
});

test('all pages of a find are read, also when moreResult is false', async () => {
  const { upstream, gateway } = await start((response, { url }) => {
    if (!url.includes('filterType')) return undefined;
    return url.includes('nextPageToken=P%3D1')
      ? succeed(response, [{ id: 30, cookies: COOKIE(1) }])
      : succeed(response, [{ id: 29, cookies: 'other' }], { nextPageToken: 'P=1', moreResult: false });
  });
  expect((await gateway.putLead({ marketoCookie: COOKIE(1) })).status).toBe(201);
  expect(upstream.syncs()[0].input).toEqual([{ id: 30 }]);
});

test('success of a find without a result is no answer', async () => {
  const { gateway } = await start((response, { url }) =>
    url.includes('filterType') ? succeed(response) : undefined,
  );
  expect(slugs([await gateway.putLead({ marketoCookie: COOKIE(1) })])).toEqual(['upstream-bad-response']);
});

test('too many leads with a key are a refusal', async () => {
  const { gateway } = await start((response, { url }) =>
    url.includes('filterType') ? refuse(response, '1003', 'Too many results match the filter') : undefined,
  );
  expect(slugs([await gateway.putLead({ marketoCookie: COOKIE(1) })])).toEqual(['lead-rejected']);
});

test('several leads with a key are a refusal', async () => {
  const { gateway } = await start((response, { url }) =>
    url.includes('filterType')
      ? succeed(response, [
          { id: 1, cookies: COOKIE(1) },
          { id: 2, cookies: COOKIE(1) },
        ])
      : undefined,
  );
  expect(slugs([await gateway.putLead({ marketoCookie: COOKIE(1) })])).toEqual(['lead-rejected']);
});

test('a long find is a form, as is one whose address was too long for Marketo', async () => {
  const { upstream, gateway } = await start((response, { method, url, headers, body }, nth) => {
    if (!url.startsWith('/rest/v1/leads.json')) return undefined;
    if (method === 'GET') return sendJson(response, '', 414);
    if (!url.includes('_method=GET')) return undefined;
    expect(headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(body).toBe(
      `filterType=cookies&filterValues=${encodeURIComponent(COOKIE(nth === 0 ? 0 : 1))}&fields=id,cookies`,
    );
    return succeed(response, [{ id: 8, cookies: COOKIE(1) }]);
  });
  expect((await gateway.putLead({ marketoCookie: COOKIE(1) })).status).toBe(201);
  expect(upstream.paths().map((path) => path.replace(/\?filter.*/, ''))).toEqual([
    'GET /rest/v1/leads.json',
    'POST /rest/v1/leads.json?_method=GET',
    'POST /rest/v1/leads.json',
  ]);
});

test('a lead that vanishes after it was found starts its plan once more', async () => {
  let finds = 0;
  const { upstream, gateway } = await start((response, { url }, nth) => {
    if (url.includes('filterType')) {
      finds += 1;
      return succeed(response, [{ id: finds, cookies: COOKIE(1) }]);
    }
    return nth === 1
      ? succeed(response, [{ status: 'skipped', reasons: [{ code: '1004', message: 'Lead not found' }] }])
      : succeed(response, [{ id: finds, status: 'updated' }]);
  });
  const { status, body } = await gateway.putLead({ marketoCookie: COOKIE(1) });
  expect([status, body.leadId]).toEqual([200, 2]);
  expect(upstream.paths()).toHaveLength(4);
});

test('a lead that vanishes again is a passing error', async () => {
  const { gateway } = await start((response, { url }) =>
    url.includes('filterType')
      ? succeed(response, [{ id: 1, cookies: COOKIE(1) }])
      : succeed(response, [{ status: 'skipped', reasons: [{ code: '1013', message: 'Object not found' }] }]),
  );
  const { body } = await gateway.putLead({ marketoCookie: COOKIE(1) });
  expect(body).toMatchObject({
    status: 502,
    retryable: true,
    type: expect.stringMatching(/upstream-error$/),
  });
});

test('a record of 1006 makes the gateway read Describe again, if it may', async () => {
  const { upstream, gateway } = await start((response, { url }) =>
    url.endsWith('/leads.json')
      ? succeed(response, [
          { status: 'skipped', reasons: [{ code: '1006', message: "Field 'firstName' not found" }] },
        ])
      : undefined,
  );
  const { body } = await gateway.putLead({ email: 'a@example.com', attributes: { FirstName: 'x' } });
  expect(body).toMatchObject({
    type: expect.stringMatching(/unknown-attribute$/),
    errors: [{ pointer: '#/attributes/FirstName' }],
  });
  // It was read a moment ago.
  expect(upstream.paths()).toEqual(['GET /rest/v1/leads/describe.json', 'POST /rest/v1/leads.json']);
});

test('no call has more than 1,000,000 bytes', EXHAUSTIVE, async () => {
  const { upstream, together } = await start(() => undefined);
  const text = 'ü'.repeat(30_000);
  const answers = await together(emails(40).map((lead) => ({ ...lead, attributes: { FirstName: text } })));
  expect(slugs(answers)).toEqual(Array(40).fill(201));
  const sizes = upstream.calls
    .filter(({ url }) => url === '/rest/v1/leads.json')
    .map(({ body }) => Buffer.byteLength(body));
  expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000_000);
  expect(Math.max(...sizes)).toBeGreaterThan(900_000);
});
