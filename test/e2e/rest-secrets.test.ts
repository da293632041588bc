import { inspect } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startKeyedGateway, OPERATOR, SECRET, bearer } from '../support/gateway.ts';
import { outboxFile } from '../support/outbox.ts';
import { TEST_KEYS } from '../support/recordings.ts';
import {
  CLIENT_SECRET,
  refuse,
  type RestBehaviour,
  sendJson,
  startRestUpstream,
  succeed,
  tokenAnswer,
} from '../support/rest-upstream.ts';
import { startCollector } from './collector.ts';
import { testEvery } from '../support/exhaustive.ts';

const TOKEN = 'leak-watched-rest-token:lon';
/** What Marketo puts into its messages of 1001 and 1003. */
const VALUE = 'private-value-of-a-person';
const MESSAGE = `Invalid value for field 'firstName' and value '${VALUE}'`;

/** Marketo, or what is between, may quote the request in whatever it says. */
const QUOTE = `Authorization: Bearer ${TOKEN}; client_secret=${CLIENT_SECRET}`;

const FORM = `grant_type=client_credentials&client_secret=${CLIENT_SECRET}`;

const skipped = (code: string) => [{ status: 'skipped', reasons: [{ code, message: MESSAGE }] }];

/** What the API does with the lead that has this address. */
const BEHAVIOURS: Readonly<Record<string, NonNullable<RestBehaviour['call']>>> = {
  '1001': (response) => succeed(response, skipped('1001')),
  '1003': (response) => succeed(response, skipped('1003')),
  'call-1001': (response) => refuse(response, '1001', MESSAGE),
  'call-1003': (response) => refuse(response, '1003', MESSAGE),
  quotes: (response) => refuse(response, '610', QUOTE),
  'quotes-601': (response) => refuse(response, '601', QUOTE),
  text: (response) => sendJson(response, QUOTE),
  html: (response) => {
    response.writeHead(502, { 'Content-Type': 'text/html' }).end(`<html>${QUOTE}</html>`);
    return true;
  },
  redirect: (response) => {
    response
      .writeHead(302, { Location: `https://example.com/${TOKEN}?client_secret=${CLIENT_SECRET}` })
      .end();
    return true;
  },
  reset: (response) => {
    response.destroy();
    return true;
  },
  noise: (response) => {
    response.socket?.end(`${QUOTE}\r\n\r\n`);
    return true;
  },
  slow: () => true,
};

/** With everything that says something: log, traces, metrics, outbox, its administration. */
async function start(behaviour: RestBehaviour) {
  const collector = await startCollector();
  const upstream = await startRestUpstream(behaviour);
  const env = {
    ...(upstream.env as Record<string, string>),
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    LOG_LEVEL: 'trace',
    UPSTREAM_TIMEOUT_MS: '400',
    REQUEST_DEADLINE_MS: '1000',
    OUTBOX_URL: `file:${outboxFile()}`,
  };
  for (const [name, value] of Object.entries(env)) if (name.startsWith('OTEL_')) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  const gateway = await startKeyedGateway([SECRET, OPERATOR], env, { random: () => 0 });
  const get = async (path: string) =>
    (
      await gateway.request('GET', path, {
        headers: bearer(path === '/metrics' ? TEST_KEYS.secret : TEST_KEYS.operator),
      })
    ).text;
  /** Everything but answers to callers, which have Marketo's words. */
  const told = async () => {
    const pages = [await get('/metrics'), await get('/status'), await get('/readyz')];
    await gateway.close();
    return { logs: gateway.logs.join(''), traces: collector.bodies.join(''), pages: pages.join('') };
  };
  const put = (lead: object, prefer?: string) =>
    gateway.putLead(lead, {
      headers: { ...bearer(TEST_KEYS.secret), ...(prefer !== undefined && { prefer }) },
    });
  return { upstream, gateway, put, told };
}

test('neither secret, token nor a value that Marketo refuses is in a log, trace, metric or page', async () => {
  const { put, gateway, told } = await start({
    token: (response) => sendJson(response, tokenAnswer(TOKEN)),
    call(response, call, nth) {
      const [, kind = ''] = /"email":"([^"@]+)@/.exec(call.body) ?? [];
      return BEHAVIOURS[kind]?.(response, call, nth);
    },
  });
  const answers: string[] = [];
  for (const kind of Object.keys(BEHAVIOURS)) {
    const lead = { email: `${kind}@example.com`, attributes: { FirstName: 'x' } };
    answers.push((await put(lead)).text);
    // By the outbox, which keeps the problem and writes what becomes of the lead.
    answers.push((await put({ ...lead, attributes: { LastName: 'x' } }, 'respond-async')).text);
  }
  await expect
    .poll(
      () => gateway.logs.filter((line) => line.includes('"1003"') || line.includes('lead-rejected')).length,
    )
    .toBeGreaterThan(0);
  const all = await told();
  expect(answers.join('')).toContain(VALUE);
  expect(all.traces).toContain('marketo syncLeads');
  expect(all.traces).toContain('{"key":"lead_gateway.upstream","value":{"stringValue":"rest"}}');
  expect(all.traces).not.toContain('soap');
  for (const [where, text] of Object.entries({ ...all, answers: answers.join('') })) {
    expect(text.includes(CLIENT_SECRET), `the secret in ${where}`).toBe(false);
    expect(text.includes(TOKEN), `the token in ${where}`).toBe(false);
    if (where !== 'answers') expect(text.includes(VALUE), `a value in ${where}`).toBe(false);
  }
}, 60_000);

testEvery(3, [
  ['refuses it', (response) => sendJson(response, { error: 'invalid_client', error_description: FORM }, 401)],
  ['quotes it', (response) => sendJson(response, FORM)],
  ['has no token for it', (response) => sendJson(response, { note: FORM })],
  [
    'redirects with it',
    (response) => {
      response.writeHead(302, { Location: `https://example.com/?client_secret=${CLIENT_SECRET}` }).end();
      return true;
    },
  ],
  [
    'breaks the connection',
    (response) => {
      response.destroy();
      return true;
    },
  ],
  ['does not answer', () => true],
] as [string, NonNullable<RestBehaviour['token']>][])(
  'the client secret stays a secret when identity %s',
  async (_, token) => {
    const { put, told } = await start({ token });
    const { text } = await put({ email: 'a@example.com' });
    const all = await told();
    expect(Object.values({ ...all, text }).filter((said) => said.includes(CLIENT_SECRET))).toEqual([]);
  },
);

test('no dump of a running gateway shows them', async () => {
  const { gateway, put } = await start({ token: (response) => sendJson(response, tokenAnswer(TOKEN)) });
  await put({ email: 'a@example.com' });
  const dump = inspect(gateway, { depth: 20, showHidden: true });
  expect([dump.includes(CLIENT_SECRET), dump.includes(TOKEN)]).toEqual([false, false]);
});
