import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { IS_THOROUGH } from '../support/fuzz.ts';
import { type Answer, startTestGateway } from '../support/gateway.ts';
import { refuse, sendJson, startRestUpstream, succeed } from '../support/rest-upstream.ts';
import type { ReceivedCall } from '../support/upstream.ts';
import { createVirtualClock, passUntil, type VirtualClock } from '../support/virtual-clock.ts';
import { ANSWERS, CODES } from './behaviours/rest-calls.ts';
import { FINDS, RECORDS, RESULTS, SUCCESSES } from './behaviours/rest-results.ts';
import {
  type Answering,
  AWAY,
  BAD,
  BROKEN,
  DENIED,
  html,
  type Operation,
  type OwnRow,
  PASSING,
  refuses,
  reset,
  type Row,
  says,
  silent,
  slow,
  UNSETTLED,
} from './behaviours/rest-row.ts';
import { describeEvery, testEvery, testTable } from '../support/exhaustive.ts';

/** How many behaviours led to each outcome. */
const outcomes: Record<string, number> = {};

/** What a caller can rely on, and how often the upstream was asked. */
function outcomeOf({ status, body }: Answer, asked: number): string {
  const slug = /[^/]+$/.exec(body.type ?? '')?.[0];
  const what = slug ?? String(body.status);
  const outcome = `${status} ${what}${body.retryable === true ? ' retryable' : ''}`;
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return asked > 1 ? `${outcome}, ${asked} calls` : outcome;
}

const COOKIE = (n: number) => `id:287-GTJ-838&token:_mch-example.com-${n}-`;
const TOKEN = (n: number) => `_mch-example.com-${n}-`;

/** The calls that an operation is tried by, and the lead that needs it. */
const OPERATIONS: Readonly<
  Record<
    Operation | 'describe',
    { readonly isCall: (call: ReceivedCall) => boolean; readonly lead: (n: number) => object }
  >
> = {
  update: { isCall: isSync, lead: (n) => ({ id: 100 + n }) },
  create: { isCall: isSync, lead: (n) => ({ email: `lead${n}@example.com` }) },
  find: { isCall: isFind, lead: (n) => ({ marketoCookie: COOKIE(n) }) },
  associate: {
    isCall: ({ url }) => url.includes('/associate.json'),
    lead: (n) => ({ id: 100 + n, marketoCookie: COOKIE(n) }),
  },
  describe: {
    isCall: ({ url }) => url.endsWith('/leads/describe.json'),
    lead: (n) => ({ email: `lead${n}@example.com`, attributes: { FirstName: 'Jane' } }),
  },
};

function isFind({ url }: ReceivedCall): boolean {
  return url.includes('filterType=') || url.includes('_method=GET');
}

function isSync(call: ReceivedCall): boolean {
  return call.method === 'POST' && call.url.endsWith('/leads.json') && !isFind(call);
}

const ENV = {
  MARKETO_MAX_CALLS_PER_20S: '1000000',
  MARKETO_DAILY_CALLS: '1000000000',
  MARKETO_MAX_RESPONSE_BYTES: '4096',
  SHUTDOWN_GRACE_MS: '0',
};

/** One gateway for many behaviours, without pauses between attempts. */
async function start(
  operation: keyof typeof OPERATIONS,
  {
    env,
    clock,
    stepMs,
  }: {
    readonly env?: Readonly<Record<string, string>>;
    readonly clock?: VirtualClock;
    /** Of {@link passUntil}. */
    readonly stepMs?: number;
  } = {},
) {
  const { isCall, lead } = OPERATIONS[operation];
  let behave: (response: ServerResponse, n: number) => unknown = () => undefined;
  let asked = 0;
  let n = 0;
  const upstream = await startRestUpstream({
    call(response, call) {
      if (!isCall(call)) return undefined;
      asked += 1;
      return behave(response, n);
    },
  });
  const gateway = await startTestGateway({ ...upstream.env, ...ENV, ...env }, { random: () => 0, ...clock });
  const put = async (how: typeof behave): Promise<{ readonly answer: Answer; readonly outcome: string }> => {
    behave = how;
    asked = 0;
    n += 1;
    const answering = gateway.putLead(lead(n));
    const answer = await (clock === undefined ? answering : passUntil(clock, answering, stepMs));
    return { answer, outcome: outcomeOf(answer, asked) };
  };
  return { upstream, gateway, put };
}

/** What becomes of each row; `complaint` may add to it. */
async function tryAll(
  operation: keyof typeof OPERATIONS,
  rows: readonly OwnRow[],
  complaint: (answer: Answer) => string = () => '',
): Promise<Record<string, string>> {
  const { put } = await start(operation);
  const seen: [string, string][] = [];
  for (const [what, behave] of rows) {
    const { answer, outcome } = await put(behave);
    seen.push([what, outcome + badDetail(answer) + complaint(answer)]);
  }
  return Object.fromEntries(seen);
}

function badDetail({ status, body }: Answer): string {
  return status < 300 || /^[A-Z].*\.$/.test(body.detail) ? '' : ` but its detail is ${body.detail}`;
}

function expectedOf(rows: readonly OwnRow[]): Record<string, string> {
  const table = Object.fromEntries(rows.map(([what, , expected]) => [what, expected]));
  if (Object.keys(table).length !== rows.length) throw new Error('two rows have one name');
  return table;
}

/** The whole table by one operation; by the others what differs, and some of the rest unless there is time for all. */
function isTried({ expected }: Row, nth: number, operation: Operation): boolean {
  return IS_THOROUGH || nth % 5 === 0 || operation === 'update' || expected[operation] !== expected.update;
}

const NOTE = / The lead was stored \(id 1000001\); its cookie was not linked yet\.$/;

describeEvery(4, ['update', 'create', 'find', 'associate'] as const)('%s', (operation) => {
  const complaint = ({ status, body }: Answer) =>
    operation !== 'associate' || status < 300 || NOTE.test(body.detail) ? '' : ` but not: ${NOTE}`;
  for (const [what, rows] of [
    ['a call that is refused with a code', CODES],
    ['another answer, or none', ANSWERS],
  ] as const) {
    const own = rows
      .filter((each, nth) => isTried(each, nth, operation))
      .map(({ what: name, answer, expected }): OwnRow => [name, answer, expected[operation]]);
    testTable(3, own)(what, async (some) => {
      expect(await tryAll(operation, some, complaint)).toEqual(expectedOf(some));
    });
  }
});

for (const [what, rows] of [
  ['a sync whose results are not what they should be', RESULTS],
  ['a record that is refused', RECORDS],
  ['a success of another form', SUCCESSES],
] as const) {
  testTable(3, rows)(what, async (some) => {
    expect(await tryAll('update', some)).toEqual(expectedOf(some));
  });
}

test('what a find finds', async () => {
  const { put } = await start('find');
  for (const [what, , expected] of FINDS) {
    const [, answer] = FINDS.find(([name]) => name === what) ?? [];
    const { outcome } = await put((response, n) => answer?.(withToken(response, TOKEN(n))));
    expect([what, outcome]).toEqual([what, expected]);
  }
});

/** A response in whose body `TOKEN` is the token of a cookie. */
function withToken(response: ServerResponse, token: string): ServerResponse {
  const end = response.end.bind(response);
  response.end = ((body: unknown) => end(String(body).replaceAll('TOKEN', token))) as typeof response.end;
  return response;
}

test('words of Marketo go on to the caller', async () => {
  const { put } = await start('update');
  const upstreamOf = async (behave: Answering) => (await put(behave)).answer.body.upstream;
  const requestId = '3f1a#199c82cc400';
  expect(await upstreamOf(refuses('610'))).toEqual({ code: 610, message: 'said', requestId });
  expect(await upstreamOf(refuses('601'))).toEqual({ code: 601, message: 'said', requestId });
  expect(await upstreamOf(refuses('E42'))).toEqual({ message: 'said', requestId });
  const two = '{"success":false,"errors":[{"code":"610","message":"a"},{"code":611,"message":"b"},{}]}';
  expect(await upstreamOf(says(two))).toEqual({ code: 610, message: 'a; b' });
  expect(await upstreamOf(says('{"success":false}'))).toBeUndefined();
});

test('a redirect is named with its target, and not followed', async () => {
  const { put } = await start('update');
  const detailOf = async (behave: Answering) => (await put(behave)).answer.body.detail;
  expect(await detailOf(html(302, { Location: 'https://user:pw@elsewhere.example.com/login?next=x' }))).toBe(
    'Marketo redirects to https://elsewhere.example.com/login (HTTP status 302): check the endpoint, MARKETO_REST_ENDPOINT. It is not followed, so whether the lead was saved is not known.',
  );
  expect(await detailOf(html(307))).toMatch(/^Marketo redirects without saying where \(HTTP status 307\)/);
  expect(await detailOf(says('', 304))).toMatch(/^Marketo says that nothing has changed \(HTTP status 304\)/);
});

describe('an answer that does not come', () => {
  testEvery<[keyof typeof OPERATIONS, typeof silent]>(3, [
    ['update', silent],
    ['create', silent],
    ['find', silent],
    ['update', slow],
    ['create', slow],
    ['associate', slow],
  ])('%s', async (operation, behave) => {
    const env = { UPSTREAM_TIMEOUT_MS: '300', REQUEST_DEADLINE_MS: '1000' };
    const { put } = await start(operation, { env });
    // How many attempts there is time for depends on the machine.
    expect((await put(behave)).outcome.replace(/, \d calls$/, '')).toBe(UNSETTLED.create);
  });
});

/** Describe cannot be had, for a lead that needs it. */
const DESCRIBES: readonly OwnRow[] = [
  ['603', refuses('603'), DENIED],
  ['610', refuses('610'), BROKEN],
  ['608', refuses('608'), PASSING],
  ['604', refuses('604'), PASSING],
  ['614', refuses('614'), AWAY],
  ['1004', refuses('1004'), BROKEN],
  ['HTML', html(502), AWAY],
  ['HTTP 404', says('', 404), BAD],
  ['a redirect', html(302, { Location: '/login' }), BAD],
  ['a reset', reset, AWAY],
  ['no result', (response) => succeed(response), BAD],
  ['no fields', (response) => succeed(response, []), BAD],
  ['fields that are none', (response) => succeed(response, [null, 1, 'x', [], {}, { rest: null }]), BAD],
  ['fields without a REST name', (response) => succeed(response, [{ soap: { name: 'FirstName' } }]), BAD],
  ['names that are none', (response) => succeed(response, [{ rest: { name: 7 } }, { rest: {} }]), BAD],
];

test('Describe that cannot be had', async () => {
  const complaint = ({ body }: Answer) => (body.detail.includes('was saved') ? ' but was not sent' : '');
  expect(await tryAll('describe', DESCRIBES, complaint)).toEqual(expectedOf(DESCRIBES));
});

/** The request for a token. */
const TOKENS: readonly OwnRow[] = [
  ...[400, 401].flatMap((status): OwnRow[] => [
    [`${status}`, says('{"error":"invalid_client","error_description":"no"}', status), DENIED],
    [`${status} in HTML`, html(status), DENIED],
    [`${status} without a body`, says('', status), DENIED],
  ]),
  ...[403, 404, 409, 413, 414, 501].map((status): OwnRow => [`HTTP ${status}`, says('', status), BAD]),
  ['HTTP 500', says('{}', 500), '502 upstream-error retryable, 5 calls'],
  ...[502, 503, 504].map((status): OwnRow => [`HTTP ${status}`, says('', status), AWAY]),
  ...[200, 403, 500, 503].map((status): OwnRow => [`HTML with HTTP ${status}`, html(status), AWAY]),
  ['a redirect', html(302, { Location: 'https://login.example.com/' }), BAD],
  ['nothing changed', says('', 304), BAD],
  ['a reset', reset, AWAY],
  ['an empty body', says(''), BAD],
  ['a text', says('OK'), BAD],
  ['HTML as JSON', says('<html></html>'), BAD],
  ['half of a JSON', says('{"access_token":"a'), BAD],
  ['a list', says('[]'), BAD],
  ['no token', says('{"token_type":"bearer","expires_in":3599}'), BAD],
  ['an empty token', says('{"access_token":"","expires_in":3599}'), BAD],
  ['a token that is a number', says('{"access_token":7,"expires_in":3599}'), BAD],
  ['a token with a line break', says(String.raw`{"access_token":"a\nb","expires_in":3599}`), BAD],
  ['no life', says('{"access_token":"a"}'), BAD],
  ['a life that is null', says('{"access_token":"a","expires_in":null}'), BAD],
  ['a life in words', says('{"access_token":"a","expires_in":"an hour"}'), BAD],
  ['too much', says(' '.repeat(5000)), BAD],
  ['gzip that is not gzip', says('x', 200, { 'Content-Encoding': 'gzip' }), BAD],
  ['an error with HTTP 200', says('{"error":"invalid_client"}'), BAD],
];

testTable(3, TOKENS)('identity that gives no token', async (some) => {
  let behave: Answering = silent;
  let asked = 0;
  const upstream = await startRestUpstream({
    token(response) {
      asked += 1;
      return behave(response);
    },
  });
  const gateway = await startTestGateway({ ...upstream.env, ...ENV }, { random: () => 0 });
  for (const [what, next, expected] of some) {
    behave = next;
    asked = 0;
    const answer = await gateway.putLead({ email: 'a@example.com' });
    expect([what, outcomeOf(answer, asked)]).toEqual([what, expected]);
    expect(answer.body.detail).not.toMatch(/lead was saved|size/);
  }
  expect(upstream.paths()).toEqual([]);
  behave = html(302, { Location: 'https://login.example.com/?a=b' });
  const { body } = await gateway.putLead({ email: 'a@example.com' });
  expect(body.detail).toBe(
    'Marketo redirects to https://login.example.com/ (HTTP status 302): check the endpoint, MARKETO_IDENTITY_ENDPOINT. It is not followed, so the lead was not sent.',
  );
  behave = says(gzipSync('{"access_token":"a","expires_in":"3599"}'), 200, { 'Content-Encoding': 'gzip' });
  expect((await gateway.putLead({ email: 'a@example.com' })).status).toBe(201);
});

describe.each(['update', 'create', 'find', 'associate'] as const)('%s', (operation) => {
  test.each(['606', '615'])('%s is waited out', async (number) => {
    const clock = createVirtualClock();
    const { upstream, put } = await start(operation, { clock });
    let nth = 0;
    const { outcome } = await put((response, n) => {
      if (nth++ === 0) return refuse(response, number);
      return operation === 'find' ? succeed(response, [{ id: 7, cookies: TOKEN(n) }]) : undefined;
    });
    expect(outcome).toBe('201 CREATED, 2 calls');
    expect(upstream.calls.length).toBeGreaterThan(2);
  });
  test('607 ends the day until the next look', async () => {
    const clock = createVirtualClock();
    const { put } = await start(operation, { clock });
    const spent = (response: ServerResponse) => refuse(response, '607');
    const { answer, outcome } = await put(spent);
    expect(outcome).toBe('429 daily-quota-exhausted retryable');
    expect(answer.headers.get('retry-after')).toBe('60');
    await clock.advance(30_000);
    const early = await put(spent);
    expect(early.outcome).toBe(outcome);
    expect(early.answer.headers.get('retry-after')).toBe('30');
    await clock.advance(30_000);
    const { answer: late } = await put(() => undefined);
    expect(late.status).toBeLessThan(operation === 'find' ? 423 : 300);
  });
});

test('HTTP 429 is waited out as long as it says', async () => {
  const clock = createVirtualClock();
  const { put } = await start('create', { clock, stepMs: 200 });
  let nth = 0;
  const { outcome } = await put((response) => {
    if (nth++ > 0) return undefined;
    response.setHeader('Retry-After', '17');
    return sendJson(response, '', 429);
  });
  expect(outcome).toBe('201 CREATED, 2 calls');
  expect(clock.monotonicMs()).toBeGreaterThanOrEqual(17_000);
});

test('there are more than 300 behaviours, each of which has its row', () => {
  const ofCalls = CODES.length + ANSWERS.length + RESULTS.length + RECORDS.length + SUCCESSES.length;
  expect(ofCalls + FINDS.length + DESCRIBES.length + TOKENS.length).toBeGreaterThan(300);
});

afterAll(() => {
  const lines = Object.entries(outcomes).toSorted(([one], [other]) => (one < other ? -1 : 1));
  const total = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  // oxlint-disable-next-line no-console -- the figures of the run
  console.log(`${total} answers:\n${lines.map(([outcome, count]) => `  ${count} × ${outcome}`).join('\n')}`);
});
