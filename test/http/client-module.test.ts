import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { startApp } from '../support/app.ts';
import { send } from '../support/client.ts';

const MODULE = readFileSync(new URL('../../dist/client/client.js', import.meta.url));
const TYPES = readFileSync(new URL('../../src/client/public.d.ts', import.meta.url), 'utf8');

test('the browser client has at most 3 kB compressed, and imports nothing', () => {
  expect(gzipSync(MODULE, { level: 9 }).length).toBeLessThanOrEqual(3000);
  expect(MODULE.toString()).not.toMatch(/\bimport\b|\beval\b|\bFunction\(/);
});

describe('GET /client.js', () => {
  test('is the module, for pages of every origin', async () => {
    const { url } = await startApp();
    const answer = await send(url, '/client.js', { headers: { origin: 'https://elsewhere.example' } });
    expect([answer.status, answer.text]).toEqual([200, MODULE.toString()]);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'cache-control': 'public, max-age=3600',
      'x-content-type-options': 'nosniff',
    });
    expect(answer.headers['vary']).toContain('Accept-Encoding');
  });

  test('is sent compressed to clients that accept it', async () => {
    const { url } = await startApp();
    const response = await fetch(`${url}/client.js`, { headers: { 'accept-encoding': 'br;q=0.1, gzip' } });
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(Number(response.headers.get('content-length'))).toBeLessThanOrEqual(3000);
    expect(await response.text()).toBe(MODULE.toString());
    const plain = await send(url, '/client.js', { headers: { 'accept-encoding': 'gzip;q=0, identity' } });
    expect([plain.headers['content-encoding'], plain.text]).toEqual([undefined, MODULE.toString()]);
  });

  test('is not sent again to a client that has it', async () => {
    const { url } = await startApp();
    const { headers } = await send(url, '/client.js');
    const etag = String(headers['etag']);
    const hash = createHash('sha256').update(MODULE).digest('base64url');
    expect(hash.startsWith(etag.slice(1, -1))).toBe(true);
    for (const condition of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await send(url, '/client.js', { headers: { 'if-none-match': condition } });
      expect([again.status, again.text, again.headers['etag']]).toEqual([304, '', etag]);
    }
    const changed = await send(url, '/client.js', { headers: { 'if-none-match': '"other"' } });
    expect(changed.status).toBe(200);
  });
});

test('GET /client.d.ts declares what the module exports', async () => {
  const { url } = await startApp();
  const answer = await send(url, '/client.d.ts');
  expect([answer.status, answer.text]).toEqual([200, TYPES]);
  const declared = [...TYPES.matchAll(/^export declare (?:class|function) (\w+)/gm)].map(([, name]) => name);
  const module = (await import(String(new URL('../../dist/client/client.js', import.meta.url)))) as object;
  expect(Object.keys(module).toSorted()).toEqual(declared.toSorted());
});
