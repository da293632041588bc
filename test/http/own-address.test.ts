import { once } from 'node:events';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { bearer, SECRET, startKeyedGateway, startTestGateway } from '../support/gateway.ts';
import { testEvery } from '../support/exhaustive.ts';

const LEAD = '{"email":"a@b.c"}';

type Request = { line?: string; host?: string; headers?: readonly string[]; at?: string };

/** Sends a request, `PUT /leads` unless it says otherwise; gives the status and the problem's `detail`. */
async function ask(url: string, { line = 'PUT /leads', host, headers = [], at }: Request) {
  const { port } = new URL(url);
  const socket = connect(Number(port), at ?? '127.0.0.1');
  await once(socket, 'connect');
  const body = line.startsWith('PUT') ? LEAD : '';
  const head = [
    `${line} HTTP/1.${host === undefined ? 0 : 1}`,
    ...(host === undefined ? [] : [`Host: ${host.replace('PORT', port)}`]),
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    'Connection: close',
    ...headers.map((header) => header.replace('PORT', port)),
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  const answer = await text(socket);
  const [, status = ''] = /^HTTP\/1\.1 (\d+)/.exec(answer) ?? [];
  return { status: Number(status), detail: /"detail":"([^"]*)"/.exec(answer)?.[1] ?? '' };
}

describe('a gateway without keys', () => {
  testEvery(3, [
    'localhost:PORT',
    'LOCALHOST',
    'localhost.:PORT',
    'app.localhost:PORT',
    '127.0.0.1:PORT',
    '127.8.9.10',
    '[::1]:PORT',
    '[::ffff:127.0.0.1]:PORT',
    // A port that a container publishes as another.
    'localhost:18080',
  ])('is used as %s', async (host) => {
    const { url } = await startTestGateway();
    expect((await ask(url, { host })).status).toBe(201);
    expect((await ask(url, { line: 'GET /docs', host })).status).toBe(200);
  });

  test('is used by clients that send no Host', async () => {
    const { url } = await startTestGateway();
    expect((await ask(url, {})).status).toBe(201);
  });

  testEvery(3, [
    'evil.example:PORT',
    'evil.example',
    'localhost.evil.example:PORT',
    'notlocalhost',
    '127.0.0.1.evil.example',
    'gateway:PORT',
    'nas.local',
    '10.1.2.3',
    '0.0.0.0:PORT',
    '[2001:db8::1]:PORT',
    "a'b",
  ])('is not read or written under another name, as after DNS rebinding: %s', async (host) => {
    const { url } = await startTestGateway();
    const paths = ['PUT /leads', 'GET /metrics', 'GET /docs', 'GET /openapi.json', 'GET /no'];
    for (const line of paths) {
      const { status, detail } = await ask(url, { line, host, headers: ['X-Forwarded-Host: localhost'] });
      expect([line, status, detail]).toEqual([line, 403, expect.stringContaining('PUBLIC_URL')]);
    }
    for (const line of ['GET /healthz', 'GET /readyz', 'HEAD /healthz'])
      expect((await ask(url, { line, host })).status).toBe(200);
    // As HAProxy does.
    expect((await ask(url, { line: 'OPTIONS /', host })).status).toBe(204);
  });

  test('trusts X-Forwarded-Host no more behind a proxy that it trusts for addresses', async () => {
    const { url } = await startTestGateway({ TRUSTED_PROXIES: '1' });
    const headers = ['X-Forwarded-Host: localhost'];
    expect((await ask(url, { host: 'evil.example', headers })).status).toBe(403);
    expect((await ask(url, { host: 'localhost', headers: ['X-Forwarded-Host: evil.example'] })).status).toBe(
      201,
    );
  });

  test('is used at PUBLIC_URL, on any port, below its prefix, and by its pages', async () => {
    const { url } = await startTestGateway({ PUBLIC_URL: 'https://Leads.example/marketo' });
    for (const host of ['leads.example', 'leads.example:443', 'LEADS.example:8443']) {
      expect((await ask(url, { host })).status).toBeLessThan(300);
      expect((await ask(url, { line: 'PUT /marketo/leads', host })).status).toBe(200);
    }
    const headers = ['Origin: https://leads.example', 'Sec-Fetch-Site: same-origin'];
    expect((await ask(url, { host: 'leads.example', headers })).status).toBe(200);
    expect((await ask(url, { host: 'evil.example' })).status).toBe(403);
    expect((await ask(url, { line: 'GET /marketo/healthz', host: 'evil.example' })).status).toBe(200);
  });

  test('is used at the address a request came in on, which no name can stand for', async () => {
    const address = Object.values(networkInterfaces())
      .flat()
      .find((one) => one !== undefined && one.family === 'IPv4' && !one.internal)?.address;
    // Not every machine has one.
    if (address === undefined) return;
    const { url } = await startTestGateway({ HOST: '0.0.0.0', ALLOW_UNAUTHENTICATED: 'true' });
    expect((await ask(url, { host: `${address}:PORT`, at: address })).status).toBe(201);
    expect((await ask(url, { host: `${address}:PORT` })).status).toBe(403);
    expect((await ask(url, { host: 'nas.lan', at: address })).detail).toContain('PUBLIC_URL');
  });

  testEvery(3, [
    ['its own', ['Origin: http://localhost:PORT', 'Sec-Fetch-Site: same-origin'], 201],
    ['its own in an older browser', ['Origin: http://localhost:PORT'], 201],
    ['another port', ['Origin: http://localhost:3000', 'Sec-Fetch-Site: same-site'], 403],
    ['another host', ['Origin: https://evil.example', 'Sec-Fetch-Site: cross-site'], 403],
    ['another host in an older browser', ['Origin: https://evil.example'], 403],
    ['none', ['Origin: null'], 403],
    ['two', ['Origin: http://localhost:PORT', 'Origin: https://evil.example'], 403],
    ['an image of another host', ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors'], 403],
    ['a link', ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate'], 201],
    ['one of CORS_ORIGINS', ['Origin: https://app.example', 'Sec-Fetch-Site: cross-site'], 201],
  ])('takes requests of pages by their origin: %s', async (_origin, headers, expected) => {
    const { url } = await startTestGateway({ CORS_ORIGINS: 'https://app.example' });
    const { status, detail } = await ask(url, { host: 'localhost:PORT', headers });
    expect(status).toBe(expected);
    if (expected === 403) expect(detail).toContain('CORS_ORIGINS');
  });
});

test('with keys the name does not matter: no page can guess a key', async () => {
  const { url } = await startKeyedGateway([SECRET]);
  const headers = [`Authorization: ${bearer(SECRET.key)['authorization']}`];
  expect((await ask(url, { host: 'leads.example', headers })).status).toBe(201);
});
