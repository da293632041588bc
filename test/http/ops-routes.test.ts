import { describe, expect, test } from 'vitest';
import { DOCUMENTS } from '../../src/openapi/document.ts';
import { PROBLEM_TYPES } from '../../src/http/problems/types.ts';
import { startApp } from '../support/app.ts';
import { shared } from '../support/lasting.ts';
import { send, problemType } from '../support/client.ts';
import { describeEvery, testEvery } from '../support/exhaustive.ts';

/** As it is without anything that a test sets. */
const usual = shared(startApp);

describe('GET /healthz', () => {
  test('says ok, and may not be cached', async () => {
    const { url } = await startApp({ unreadiness: () => ['anything'] });
    const answer = await send(url, '/healthz');
    expect([answer.status, answer.text]).toEqual([200, '{"status":"ok"}']);
    expect(answer.headers['cache-control']).toBe('no-store');
  });
});

describe('GET /readyz', () => {
  test('says ready while there is no reason against it', async () => {
    const { url } = usual();
    const answer = await send(url, '/readyz');
    expect([answer.status, answer.text]).toEqual([200, '{"status":"ready"}']);
  });

  test('says 503 with the reasons, as they are at that moment', async () => {
    const reasons: string[] = [];
    const { url } = await startApp({ unreadiness: () => reasons });
    reasons.push('Marketo refuses the credentials', 'shutting down');
    const answer = await send(url, '/readyz');
    expect([answer.status, answer.json]).toEqual([503, { status: 'unready', reasons }]);
    expect(answer.headers['cache-control']).toBe('no-store');
  });
});

describeEvery(3, Object.entries(DOCUMENTS))('GET %s', (path, write) => {
  const asJson = (document: object) => JSON.parse(JSON.stringify(document)) as object;

  test('is the document of the running version, for the address it was asked at', async () => {
    const { url } = usual();
    const answer = await send(url, path);
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual(asJson(write('1.2.3', url)));
    const other = await send(url, path, { headers: { host: 'leads.example:8443' } });
    expect(other.json).toEqual(asJson(write('1.2.3', 'http://leads.example:8443')));
  });

  test('names the public address where there is one', async () => {
    const { url } = await startApp({ version: '1.2.3', publicUrl: 'https://api.example.com/marketo' });
    expect((await send(url, path)).json).toEqual(asJson(write('1.2.3', 'https://api.example.com/marketo')));
  });

  test('believes a trusted proxy, and no other', async () => {
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'api.example.com' };
    const trusting = await startApp({ version: '1.2.3', trustedProxies: 1 });
    const trusted = await send(trusting.url, path, { headers });
    expect(trusted.json).toEqual(asJson(write('1.2.3', 'https://api.example.com')));
    const { url } = usual();
    expect((await send(url, path, { headers })).json).toEqual(asJson(write('1.2.3', url)));
  });

  testEvery(4, [
    { 'x-forwarded-host': 'a"b' },
    { 'x-forwarded-host': '<script>' },
    { 'x-forwarded-host': 'user@host' },
    { 'x-forwarded-host': 'a/b' },
    { 'x-forwarded-host': 'x:999999' },
    { 'x-forwarded-proto': 'javascript' },
  ])('never repeats an invalid address from a trusted proxy: %j', async (headers) => {
    const { url } = await startApp({ version: '1.2.3', trustedProxies: 1 });
    const answer = await send(url, path, { headers });
    // What the server listens on, as for requests without a Host.
    expect(answer.json).toEqual(asJson(write('1.2.3', url)));
  });
});

describe('GET /docs', () => {
  test('is a page whose files are all there, all from here and none inline', async () => {
    const { url } = usual();
    const page = await send(url, '/docs');
    const files = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file ?? '');
    // Of the page itself, the three documents, the status page, and a page for each problem.
    expect(files).toHaveLength(9 + 3 + 1 + Object.keys(PROBLEM_TYPES).length);
    for (const file of files) {
      const answer = await send(url, new URL(file, `${url}/docs`).pathname);
      expect([file, answer.status]).toEqual([file, 200]);
      // What our own scripts import.
      for (const [, imported] of answer.text.matchAll(/^import .* from '\.\/([\w-]+\.js)';$/gm)) {
        if (!files.includes(`docs/${imported}`)) files.push(`docs/${imported}`);
      }
    }
    expect(files).toContain('docs/samples.js');
    expect(page.text).not.toMatch(/ style=|<style|<script(?! src=)|https?:/);
  });

  test.each([
    [true, 'embedded sandbox'],
    [false, 'connected to Marketo'],
  ])('says where leads go (sandbox: %s)', async (sandbox, expected) => {
    const { url } = await startApp({ sandbox });
    expect((await send(url, '/docs')).text).toContain(expected);
  });

  testEvery(2, [
    'index.html',
    'package.json',
    'swagger-ui-init.js',
    '..%2Fpackage.json',
    'swagger-ui-bundle.js.map',
  ])('does not publish %s', async (file) => {
    const { url } = usual();
    expect((await send(url, `/docs/${file}`)).status).toBe(404);
  });

  test.each<Record<string, string>>([
    { range: 'bytes=99999999-' },
    { 'if-match': '"other"' },
    { 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' },
  ])('serves its files whatever the conditions: %o', async (headers) => {
    const { url } = usual();
    expect((await send(url, '/docs/swagger-ui.css', { headers })).status).toBe(200);
  });

  test('lets a browser keep its files', async () => {
    const { url } = usual();
    const { headers } = await send(url, '/docs/swagger-ui.css');
    const again = await send(url, '/docs/swagger-ui.css', {
      headers: { 'if-none-match': String(headers['etag']) },
    });
    expect([again.status, again.text]).toEqual([304, '']);
  });
});

describe('GET /', () => {
  test('redirects to /docs', async () => {
    const { url } = usual();
    const answer = await send(url, '/');
    expect([answer.status, answer.headers['location']]).toEqual([302, '/docs']);
  });
});

const PATHS = [
  '/',
  '/docs',
  '/docs/page.css',
  '/docs/start.js',
  '/docs/samples.js',
  '/docs/swagger-ui.css',
  '/healthz',
  '/readyz',
  '/openapi.json',
  '/openapi-3.0.json',
  '/swagger.json',
  '/problems/not-found',
];

describe.each(PATHS)('%s', (path) => {
  test('answers HEAD as GET, without a body', async () => {
    const { url } = usual();
    const [get, head] = [await send(url, path), await send(url, path, { method: 'HEAD' })];
    expect(head.status).toBe(get.status);
    expect(head.text).toBe('');
    expect(head.headers['content-length']).toBe(get.headers['content-length']);
    expect(head.headers['content-type']).toBe(get.headers['content-type']);
  });

  test.each(['PUT', 'POST', 'DELETE'])('refuses %s', async (method) => {
    const { url } = usual();
    const answer = await send(url, path, { method });
    expect([answer.status, answer.headers['allow']]).toEqual([405, 'GET, HEAD, OPTIONS']);
  });

  test('tells its methods', async () => {
    const { url } = usual();
    const answer = await send(url, path, { method: 'OPTIONS' });
    expect([answer.status, answer.text, answer.headers['allow']]).toEqual([204, '', 'GET, HEAD, OPTIONS']);
  });
});

describe('an unknown path', () => {
  test.each(['/nothing', '/problems/nothing', '/docs/nothing.js'])('%s has no methods', async (path) => {
    const { url } = usual();
    const answers = [];
    for (const method of ['OPTIONS', 'DELETE']) answers.push(await send(url, path, { method }));
    expect(answers.map(({ status }) => status)).toEqual([404, 404]);
  });

  testEvery(2, ['/nothing', '/docs/', '/HEALTHZ', '/healthz/', '/metrics/x', '*'])(
    '%s is a 404 problem',
    async (path) => {
      const { url } = usual();
      const answer = await send(url, path);
      expect([answer.status, answer.json['type']]).toEqual([404, problemType('not-found')]);
    },
  );
});
