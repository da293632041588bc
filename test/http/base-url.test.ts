import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { startApp } from '../support/app.ts';
import { putLead, send } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { testEvery } from '../support/exhaustive.ts';

/** The `type` of the problem that comes for bytes. */
async function typeFor(url: string, bytes: string): Promise<unknown> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  socket.end(bytes);
  const [, body = ''] = (await text(socket)).split('\r\n\r\n', 2);
  return (JSON.parse(body) as { type: string }).type;
}

const ask = (host: string, more = '') =>
  `GET /x HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`;

describe('the type of a problem', () => {
  test('is the address of the page that explains it', async () => {
    const { url } = await startApp();
    const { json } = await putLead(url, '{');
    expect(json['type']).toBe(`${url}/problems/malformed-json`);
    const page = await send(url, new URL(String(json['type'])).pathname);
    expect(page.status).toBe(200);
    expect(page.text).toContain(`<code>${String(json['type'])}</code>`);
  });

  test('is below PUBLIC_URL whatever the request says', async () => {
    const { url } = await startApp({ publicUrl: 'https://x.example/marketo', trustedProxies: 1 });
    for (const bytes of [
      ask('evil.example'),
      ask('a', 'X-Forwarded-Host: evil.example\r\n'),
      'GET /x HTTP/1.0\r\n\r\n',
    ])
      expect(await typeFor(url, bytes)).toBe('https://x.example/marketo/problems/not-found');
  });

  testEvery(2, ['leads.example', 'leads.example:8443', '[::1]:8080', '10.0.0.1'])(
    'is at the Host of the request: %s',
    async (host) => {
      const { url } = await startApp();
      expect(await typeFor(url, ask(host))).toBe(`http://${host}/problems/not-found`);
    },
  );

  testEvery(3, [
    '',
    "a'b",
    'a(b',
    'a%20b',
    'x:99999',
    '999.1.1.1',
    '[:::1]',
    '$',
    `${'a.'.repeat(200)}example`,
  ])('is where the server listens when the Host is %j', async (host) => {
    const { url } = await startApp();
    expect(await typeFor(url, ask(host))).toBe(`${url}/problems/not-found`);
  });

  test('is where the server listens when there is no Host', async () => {
    const { url } = await startApp();
    expect(await typeFor(url, 'GET /x HTTP/1.0\r\n\r\n')).toBe(`${url}/problems/not-found`);
    const gateway = await startTestGateway();
    expect(await typeFor(gateway.url, 'GET /x HTTP/1.0\r\n\r\n')).toBe(`${gateway.url}/problems/not-found`);
  });

  test('is where a trusted proxy was asked', async () => {
    const forwarded = 'X-Forwarded-Host: leads.example\r\nX-Forwarded-Proto: HTTPS\r\n';
    const trusting = await startApp({ trustedProxies: 1 });
    expect(await typeFor(trusting.url, ask('inside', forwarded))).toBe(
      'https://leads.example/problems/not-found',
    );
    const { url } = await startApp();
    expect(await typeFor(url, ask('inside', forwarded))).toBe('http://inside/problems/not-found');
  });
});

test('responses that contain the requested address are not cached for others', async () => {
  const { url } = await startApp();
  for (const path of [
    '/openapi.json',
    '/openapi-3.0.json',
    '/swagger.json',
    '/problems/forbidden',
    '/nothing',
  ])
    expect([path, (await fetch(url + path)).headers.get('cache-control')]).toEqual([path, 'no-store']);
});

describe('below a prefix', () => {
  const start = (path: string) => startApp({ publicUrl: `https://x.example${path}` });

  test.each(['', '/marketo'])(
    'everything is served, whether the proxy takes it away or not: %j',
    async (given) => {
      const { url } = await start('/marketo');
      const lead = {
        method: 'PUT',
        body: '{"email":"a@b.c"}',
        headers: { 'content-type': 'application/json' },
      };
      expect((await fetch(`${url}${given}/leads`, lead)).status).toBe(200);
      const redirect = await fetch(`${url}${given}/`, { redirect: 'manual' });
      expect([redirect.status, redirect.headers.get('location')]).toEqual([302, '/marketo/docs']);
      for (const path of [
        '/docs',
        '/docs/swagger-ui.css',
        '/docs/page.css',
        '/openapi.json',
        '/healthz?x=1',
        '/problems/forbidden',
      ])
        expect([path, (await fetch(`${url}${given}${path}`)).status]).toEqual([path, 200]);
      const document = (await (await fetch(`${url}${given}/openapi.json`)).json()) as { servers: object[] };
      expect(document.servers).toMatchObject([{ url: 'https://x.example/marketo' }]);
      const missing = await fetch(`${url}${given}/nothing`);
      expect([missing.status, await missing.json()]).toMatchObject([
        404,
        { type: 'https://x.example/marketo/problems/not-found' },
      ]);
      expect((await fetch(`${url}${given}/leads`, { method: 'DELETE' })).status).toBe(405);
      expect((await fetch(`${url}${given}/leads`, { method: 'OPTIONS' })).headers.get('allow')).toBe(
        'GET, HEAD, PUT, POST, OPTIONS',
      );
    },
  );

  test('its name alone is the root', async () => {
    const { url } = await start('/marketo');
    for (const path of ['/marketo', '/marketo?x=1', '/marketo/'])
      expect((await fetch(url + path, { redirect: 'manual' })).headers.get('location')).toBe('/marketo/docs');
  });

  test('it counts once, as a whole segment, and in its own letters', async () => {
    const { url } = await start('/marketo');
    for (const path of [
      '/marketo/marketo/healthz',
      '/marketohealthz',
      '/marketo2/healthz',
      '/Marketo/healthz',
      '/marketo//healthz',
    ])
      expect([path, (await fetch(url + path)).status]).toEqual([path, 404]);
  });

  testEvery(2, ['/leads', '/docs', '/problems', '/healthz'])(
    '%s may be its name: that path keeps its meaning',
    async (prefix) => {
      const { url } = await start(prefix);
      for (const path of ['/healthz', '/docs', '/docs/page.css', '/problems/forbidden']) {
        expect([path, (await fetch(url + path)).status]).toEqual([path, 200]);
        expect([prefix + path, (await fetch(url + prefix + path)).status]).toEqual([prefix + path, 200]);
      }
      expect((await fetch(`${url}/leads`)).status).toBe(422);
      expect((await fetch(`${url}${prefix}/leads`)).status).toBe(422);
    },
  );

  test('it may have several segments, and the target may be absolute', async () => {
    const { url, logLines } = await start('/apps/marketo');
    expect((await fetch(`${url}/apps/marketo/healthz`)).status).toBe(200);
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.end('GET http://x/apps/marketo/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 /);
    expect(logLines.join('').match(/"route":"\/healthz"/g)).toHaveLength(2);
  });

  test('without one, none is taken away', async () => {
    const { url } = await start('');
    expect((await fetch(`${url}/marketo/healthz`)).status).toBe(404);
  });
});
