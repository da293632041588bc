import { connect } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  bearer,
  SECRET,
  startKeyedGateway,
  startTestGateway,
  type TestGateway,
  upstreamAt,
} from '../support/gateway.ts';
import { TEST_KEYS } from '../support/recordings.ts';
import { refuse, startRestUpstream } from '../support/rest-upstream.ts';
import { startUpstream } from '../support/upstream.ts';
import { startCollector } from './collector.ts';
import { testEvery } from '../support/exhaustive.ts';

/** Parts of what the queries below look for, as it is and percent-encoded. */
const PERSONAL = /jane|doe\.name|00Q7JANE|_mch-|secret\.field/i;
const COOKIE = encodeURIComponent('id:287-GTJ-838&token:_mch-jane.example-1396310362214-46169');

const QUERIES = [
  'email=jane%40doe.name&fields=secret.field',
  `marketoCookie=${COOKIE}`,
  'foreignSysPersonId=00Q7JANE&foreignSysType=SFDC',
  'sfdcAccountId=00Q7JANE',
  'email=jane&id=jane',
  'jane=jane',
  'email=jane@doe.name,x&jane@doe.name',
];

/** All that the gateway has kept about its requests. */
async function keptBy(gateway: TestGateway, headers: Record<string, string> = {}): Promise<string> {
  const { text } = await gateway.request('GET', '/metrics', { headers });
  return [...gateway.logs, text].join('\n');
}

/** A request on a socket of its own, which no HTTP client would send. */
function raw(url: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { port, hostname } = new URL(url);
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.end(text));
    socket.setEncoding('utf8').on('data', (chunk) => (answer += String(chunk)));
    socket.on('close', () => resolve(answer)).on('error', reject);
  });
}

testEvery(2, [
  ['the sandbox by SOAP', async () => ({})],
  [
    'the sandbox by REST',
    async () => ({
      MARKETO_UPSTREAM: 'rest',
      MARKETO_FOREIGN_ID_FIELDS: '{"SFDC":"sfdcLeadId|sfdcContactId"}',
    }),
  ],
  ['SOAP that is away', async () => upstreamAt('http://127.0.0.1:9/soap')],
  [
    'SOAP that breaks connections',
    async () =>
      upstreamAt((await startUpstream((response) => void response.socket?.resetAndDestroy())).endpoint),
  ],
  [
    'REST that quotes what it was asked',
    async () => {
      const upstream = await startRestUpstream({
        call: (response, { url }) =>
          url.includes('describe')
            ? undefined
            : refuse(response, '1003', `Invalid value ${decodeURIComponent(url)}`),
      });
      return upstream.env;
    },
  ],
  [
    'REST that breaks connections',
    async () => {
      const upstream = await startRestUpstream({
        call: (response, { url }) =>
          url.includes('describe') ? undefined : (response.socket?.resetAndDestroy(), true),
      });
      return upstream.env;
    },
  ],
])('no log and no metric has the query, with %s', async (_name, env) => {
  const gateway = await startTestGateway({ ...(await env()), REQUEST_DEADLINE_MS: '3000' });
  await Promise.all(QUERIES.map((query) => gateway.request('GET', `/leads?${query}`)));
  for (const path of ['/lead?email=jane@doe.name', '/jane@doe.name', '/healthz?email=jane@doe.name'])
    await gateway.request('GET', path);
  expect(gateway.logs.length).toBeGreaterThan(QUERIES.length);
  expect(await keptBy(gateway)).not.toMatch(PERSONAL);
});

test('none of a request that cannot be read has it either', async () => {
  const gateway = await startTestGateway();
  for (const text of [
    'GET /leads?email=jane@doe.name HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'GET /leads?email=jane@doe.name HTTP/9.9\r\n\r\n',
    `GET /leads?email=jane@doe.name&x=${'j'.repeat(100_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    'GET /leads?email=jane doe.name HTTP/1.1\r\nHost: a\r\n\r\n',
  ]) {
    const answer = await raw(gateway.url, text);
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d/);
    expect(answer).not.toMatch(PERSONAL);
  }
  expect(await keptBy(gateway)).not.toMatch(PERSONAL);
});

test('a refused caller leaves no query behind', async () => {
  const gateway = await startKeyedGateway([{ ...SECRET, returnLead: false }]);
  await gateway.request('GET', '/leads?email=jane@doe.name');
  const refused = await gateway.request('GET', '/leads?email=jane@doe.name', {
    headers: bearer(TEST_KEYS.secret),
  });
  expect(refused.text).not.toMatch(PERSONAL);
  expect(await keptBy(gateway, bearer(TEST_KEYS.secret))).not.toMatch(PERSONAL);
});

test('no span has it', async () => {
  const collector = await startCollector();
  const otel = { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint };
  for (const [name, value] of Object.entries(otel)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  for (const upstream of ['soap', 'rest']) {
    const gateway = await startTestGateway({ ...otel, MARKETO_UPSTREAM: upstream });
    for (const query of QUERIES)
      await gateway.request('GET', `/leads?${query}`, {
        headers: { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' },
      });
    await gateway.close();
  }
  expect(collector.spans.length).toBeGreaterThan(QUERIES.length);
  expect(collector.bodies.join('\n')).not.toMatch(PERSONAL);
});
