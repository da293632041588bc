import { expect, test } from 'vitest';
import { DOCUMENTS } from '../../src/openapi/document.ts';
import { prepareDocument } from '../../src/openapi/served.ts';
import { startApp } from '../support/app.ts';
import type { DocumentPath } from '../../src/http/ops/routes.ts';
import { EXHAUSTIVE, testEvery } from '../support/exhaustive.ts';

const PATHS = Object.keys(DOCUMENTS) as DocumentPath[];

testEvery(3, PATHS)('%s is written for an address as if it had been built for it', (path) => {
  const write = prepareDocument(path, '1.2.3');
  for (const server of [
    'http://127.0.0.1:8080',
    'https://leads.example.com',
    'https://leads.example.com:443',
    'http://[::1]:8080',
    'https://x.example/marketo/$&',
    "http://x.example/a'b",
  ]) {
    expect(JSON.parse(write(server))).toEqual(DOCUMENTS[path]('1.2.3', server));
  }
});

test.each(PATHS)('%s is built once, whatever addresses callers use', EXHAUSTIVE, async (path) => {
  let built = 0;
  const { url } = await startApp({
    prepareDocument: async (name, version) => {
      built += 1;
      return prepareDocument(name, version);
    },
  });
  const asked = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const answer = await fetch(`${url}${path}`, {
        headers: { 'x-forwarded-host': `host${index}.example` },
      });
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.headers.get('vary')).toContain('X-Forwarded-Host');
      return answer.status;
    }),
  );
  expect([built, new Set(asked)]).toEqual([1, new Set([200])]);
});

test('pages of problems, which show an address as well, vary with what it is taken from', async () => {
  const { url } = await startApp();
  const { headers } = await fetch(`${url}/problems/forbidden`);
  expect(headers.get('vary')).toContain('X-Forwarded-Host');
});
