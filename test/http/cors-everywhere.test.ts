import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import express from 'express';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startHttpServer } from '../../src/http-server/server.ts';
import { GatewayError } from '../../src/leads/errors.ts';
import { directoryThat, startApp, testAccess } from '../support/app.ts';
import { putLead, send } from '../support/client.ts';
import {
  bearer,
  ORIGIN,
  PUBLISHABLE,
  SECRET,
  startKeyedGateway,
  startTestGateway,
} from '../support/gateway.ts';
import { testEvery } from '../support/exhaustive.ts';

const APP = 'https://app.example';
const OTHER = 'https://other.example';

function preflight(method: string, headers?: string, more: Record<string, string> = {}) {
  const asked = headers === undefined ? {} : { 'access-control-request-headers': headers };
  return {
    method: 'OPTIONS',
    headers: { origin: APP, 'access-control-request-method': method, ...asked, ...more },
  };
}

const startForPages = () => startApp({ access: testAccess({ corsOrigins: [APP] }) });

describe('a preflight from an allowed origin', () => {
  testEvery(2, [
    'sentry-trace,baggage',
    'x-datadog-trace-id,x-datadog-parent-id,x-datadog-origin,x-datadog-sampling-priority',
    'x-requested-with',
    'newrelic,traceparent,tracestate',
    'authorization,content-type,x-anything-new',
  ])('allows %s, by name', async (names) => {
    const { url } = await startForPages();
    const { status, headers } = await send(url, '/leads', preflight('PUT', names));
    expect(status).toBe(204);
    expect(headers['access-control-allow-headers']).toBe(names.replaceAll(',', ', '));
  });

  testEvery(3, [undefined, '', ',', 'a b', 'a;b', 'x:y', '<script>'])(
    'allows the usual ones when %s is asked for, and repeats nothing',
    async (names) => {
      const { url } = await startForPages();
      const { status, headers } = await send(url, '/leads', preflight('PUT', names));
      expect(status).toBe(204);
      expect(headers['access-control-allow-headers']).toMatch(/^Authorization, Content-Type, /);
    },
  );

  testEvery(3, [
    '/leads',
    '/',
    '/healthz',
    '/readyz',
    '/metrics',
    '/openapi.json',
    '/docs',
    '/problems/forbidden',
  ])('is answered for %s, with the methods there are and the one asked for', async (path) => {
    const { url } = await startForPages();
    const own = ['GET', 'HEAD', ...(path === '/leads' ? ['PUT', 'POST'] : [])];
    for (const method of ['PUT', 'GET', 'DELETE', 'PATCH']) {
      const { status, headers } = await send(url, path, preflight(method, 'authorization'));
      expect(status).toBe(204);
      expect(headers['access-control-allow-methods']).toBe([...new Set([...own, method])].join(', '));
      expect(headers['allow']).toBe([...own, 'OPTIONS'].join(', '));
    }
  });

  testEvery(2, ['/nothing', '/lead', '/leads/', '/problems/nothing', '/docs/nothing.js'])(
    'is answered for %s, where there is nothing, so that the page can read the 404',
    async (path) => {
      const { url } = await startForPages();
      const { status, headers } = await send(url, path, preflight('PUT', 'content-type'));
      expect([status, headers['access-control-allow-methods']]).toEqual([204, 'PUT']);
      expect(headers['access-control-allow-origin']).toBe(APP);
    },
  );

  test('never repeats an invalid method', async () => {
    const { url } = await startForPages();
    const { headers } = await send(url, '/leads', preflight('P<T'));
    expect(headers['access-control-allow-methods']).toBe('GET, HEAD, PUT, POST');
  });

  test('lets a public page call a gateway in a private network, when the browser asks', async () => {
    const { url } = await startForPages();
    const name = 'access-control-allow-private-network';
    const asked = { 'access-control-request-private-network': 'true' };
    expect((await send(url, '/leads', preflight('PUT', 'a', asked))).headers[name]).toBe('true');
    expect((await send(url, '/leads', preflight('PUT', 'a'))).headers).not.toHaveProperty(name);
    const foreign = await send(url, '/leads', preflight('PUT', 'a', { ...asked, origin: OTHER }));
    expect([foreign.status, foreign.headers[name]]).toEqual([403, undefined]);
  });
});

describe('whatever is answered to a page', () => {
  const lead = '{"email":"a@b.c"}';
  const json = { 'content-type': 'application/json' };
  type Sent = [what: string, status: number, method: string, path: string, init: RequestInit];
  const SENT: readonly Sent[] = [
    ['an unknown path', 404, 'GET', '/nothing', {}],
    ['a path that cannot be decoded', 404, 'GET', '/problems/%E0%A4%A', {}],
    ['another method', 405, 'DELETE', '/leads', {}],
    ['another method of /healthz', 405, 'POST', '/healthz', {}],
    ['no key', 401, 'PUT', '/leads', { body: lead, headers: json }],
    ['a secret key', 403, 'PUT', '/leads', { body: lead, headers: { ...json, ...bearer(SECRET.key) } }],
    ['no JSON', 400, 'PUT', '/leads', { body: '{', headers: { ...json, ...bearer(PUBLISHABLE.key) } }],
    [
      'too much',
      413,
      'PUT',
      '/leads',
      { body: 'x'.repeat(1_100_000), headers: { ...json, ...bearer(PUBLISHABLE.key) } },
    ],
    [
      'a form',
      415,
      'PUT',
      '/leads',
      { body: 'a=b', headers: { 'content-type': 'text/plain', ...bearer(PUBLISHABLE.key) } },
    ],
    ['no lead', 422, 'PUT', '/leads', { body: '{}', headers: { ...json, ...bearer(PUBLISHABLE.key) } }],
    ['a lead', 202, 'PUT', '/leads', { body: lead, headers: { ...json, ...bearer(PUBLISHABLE.key) } }],
    ['health', 200, 'GET', '/healthz', {}],
    ['readiness', 200, 'HEAD', '/readyz', {}],
    ['the metrics without a key', 401, 'GET', '/metrics', {}],
    ['the document', 200, 'GET', '/openapi.json', {}],
    ['the way to the documentation', 302, 'GET', '/', {}],
    ['a file', 200, 'GET', '/docs/swagger-ui.css', {}],
    ['a page', 200, 'GET', '/problems/not-found', {}],
  ];

  testEvery(3, SENT)(
    '%s (%i) can be read by pages of allowed origins alone',
    async (_what, expected, method, path, init) => {
      const gateway = await startKeyedGateway([SECRET, PUBLISHABLE], { CORS_ORIGINS: APP });
      const headers = (origin: string) => ({ ...(init.headers as Record<string, string>), origin });
      const own = await gateway.request(method, path, { ...init, headers: headers(ORIGIN) });
      expect(own.status).toBe(expected);
      expect(own.headers.get('access-control-allow-origin')).toBe(ORIGIN);
      expect(own.headers.get('access-control-expose-headers')).toContain('X-Request-Id, Retry-After');
      expect(own.headers.get('vary')).toMatch(/^Origin\b/);
      const foreign = await gateway.request(method, path, { ...init, headers: headers(OTHER) });
      expect([...foreign.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
      expect(foreign.headers.get('vary')).toMatch(/^Origin\b/);
    },
  );

  test('a file the browser has already (304) says so with the same headers', async () => {
    const { url } = await startForPages();
    const { headers } = await send(url, '/docs/swagger-ui.css');
    const again = await send(url, '/docs/swagger-ui.css', {
      headers: { origin: APP, 'if-none-match': String(headers['etag']) },
    });
    expect([again.status, again.headers['access-control-allow-origin']]).toEqual([304, APP]);
  });

  test('a limit that is reached (429) says so', async () => {
    const limited = { ...PUBLISHABLE, rateLimit: { requestsPerDay: 1 } };
    const gateway = await startKeyedGateway([limited]);
    const put = () =>
      gateway.putLead({ email: 'a@b.c' }, { headers: { ...bearer(PUBLISHABLE.key), origin: ORIGIN } });
    await put();
    const { status, headers } = await put();
    expect([status, headers.get('access-control-allow-origin')]).toEqual([429, ORIGIN]);
  });

  test('a defect (500) says so', async () => {
    const { url } = await startApp({
      access: testAccess({ corsOrigins: [APP] }),
      unreadiness: () => {
        throw new Error('a defect');
      },
    });
    const { status, headers } = await send(url, '/healthz', { headers: { origin: APP } });
    expect(status).toBe(200);
    const failed = await fetch(`${url}/readyz`, { headers: { origin: APP } });
    expect([failed.status, failed.headers.get('access-control-allow-origin')]).toEqual([500, APP]);
    expect(headers['access-control-allow-origin']).toBe(APP);
  });
});

describe('what never becomes a request', () => {
  const HEAD = `PUT /leads HTTP/1.1\r\nOrigin: ${APP}\r\n`;
  testEvery(2, [
    ['two hosts', `${HEAD}Host: x\r\nHost: y\r\n\r\n`, 400],
    ['an unknown coding', `${HEAD}Host: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n`, 501],
    ['too many headers', `${HEAD}Host: x\r\n${'a: b\r\n'.repeat(120)}\r\n`, 431],
    ['headers that are too large', `${HEAD}Host: x\r\na: ${'b'.repeat(20_000)}\r\n\r\n`, 431],
    ['a line that is not a header', `${HEAD}Host: x\r\nno header\r\n\r\n`, 400],
  ])('%s: a page of an allowed origin learns the status', async (_what, bytes, status) => {
    const gateway = await startTestGateway({ CORS_ORIGINS: APP });
    const sendBytes = (sent: string) => {
      const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
      socket.write(sent);
      return text(socket);
    };
    const answer = await sendBytes(bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain(`\r\nAccess-Control-Allow-Origin: ${APP}\r\n`);
    expect(answer).toContain('\r\nVary: Origin\r\n');
    const foreign = await sendBytes(bytes.replace(APP, OTHER));
    expect(foreign).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(foreign).not.toMatch(/access-control/i);
  });

  test('a body that does not arrive in time (408): the page learns the status', async () => {
    const limits = { requestTimeoutMs: 200, headersTimeoutMs: 200, checkMs: 50 };
    const app = express();
    app.use(() => {});
    const waiting = await startHttpServer(app, {
      host: '127.0.0.1',
      port: 0,
      newRequestId: () => 'id',
      headersFor: testAccess({ corsOrigins: [APP] }).corsFields,
      limits,
    });
    onTestFinished(() => waiting.close(0));
    const socket = connect(Number(new URL(waiting.url).port), '127.0.0.1');
    socket.write(`${HEAD}Host: x\r\nContent-Length: 10\r\n\r\n{`);
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(answer).toContain(`\r\nAccess-Control-Allow-Origin: ${APP}\r\n`);
  });
});

test('a gateway that stops (503) says so to pages', async () => {
  const { url } = await startApp({
    access: testAccess({ corsOrigins: [APP] }),
    directory: directoryThat(() => {
      throw new GatewayError('unavailable', {
        detail: 'The gateway is being stopped.',
        retryAfterSeconds: 5,
      });
    }),
  });
  const { status, headers } = await putLead(url, { id: 1 }, { origin: APP });
  expect([status, headers['access-control-allow-origin'], headers['retry-after']]).toEqual([503, APP, '5']);
});
