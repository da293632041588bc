import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { startTestGateway, upstreamAt } from '../support/gateway.ts';
import { type Behaviour, startUpstream } from '../support/upstream.ts';
import { testEvery } from '../support/exhaustive.ts';

const HTML = '<!DOCTYPE html><html><body>Moved</body></html>';

const redirects =
  (
    status: number,
    location?: string,
    headers: Record<string, string> = {},
    body: string | Buffer = HTML,
  ): Behaviour =>
  (response) => {
    response
      .writeHead(status, {
        'content-type': 'text/html',
        ...headers,
        ...(location !== undefined && { location }),
      })
      .end(body);
  };

const detailOf = async (behave: Behaviour) => {
  const { endpoint, calls } = await startUpstream(behave);
  const gateway = await startTestGateway(upstreamAt(endpoint));
  const { status, body, text } = await gateway.putLead({ email: 'a@b.c' });
  expect(calls).toHaveLength(1);
  expect({ status, type: body.type, retryable: body.retryable }).toEqual({
    status: 502,
    type: expect.stringMatching(/\/problems\/upstream-bad-response$/),
    retryable: false,
  });
  expect(text + gateway.logs.join('\n')).not.toContain('secret');
  return String(body.detail).replace(endpoint.replace('/soap/mktows/2_9', ''), 'http://upstream');
};

testEvery(2, [
  [
    301,
    'https://user:secret@example.com/soap/mktows/2_9?a=secret#secret',
    'https://example.com/soap/mktows/2_9',
  ],
  [302, '/login;jsessionid=secret?next=secret', 'http://upstream/login'],
  [303, '/', 'http://upstream/'],
  [307, '2_9/', 'http://upstream/soap/mktows/2_9/'],
  [308, 'https://example.com/', 'https://example.com/'],
  [300, '/choose', 'http://upstream/choose'],
])('an upstream that answers %i to %s is reported with the location', async (status, location, where) => {
  expect(await detailOf(redirects(status, location))).toMatch(
    `Marketo redirects to ${where} (HTTP status ${status}): check the endpoint`,
  );
});

test.each([[301], [302], [307]])(
  'an upstream that answers %i without a location is reported as such',
  async (status) => {
    expect(await detailOf(redirects(status))).toMatch(
      `Marketo redirects without saying where (HTTP status ${status}): check the endpoint`,
    );
  },
);

test('a location that is not an HTTP URL is ignored', async () => {
  expect(await detailOf(redirects(302, 'javascript:alert(1)'))).toMatch('without saying where');
});

test('a 304 is reported as a 304', async () => {
  expect(await detailOf(redirects(304, undefined, {}, ''))).toMatch(
    'Marketo says that nothing has changed (HTTP status 304), as a cache in between does: check the endpoint',
  );
});

test.each([
  ['compressed', redirects(302, '/login', { 'content-encoding': 'gzip' }, gzipSync(HTML))],
  ['compressed in an unknown way', redirects(302, '/login', { 'content-encoding': 'zstd' })],
  ['empty', redirects(302, '/login', {}, '')],
])('whatever page comes with it: %s', async (_what, behave) => {
  expect(await detailOf(behave)).toMatch('Marketo redirects to http://upstream/login (HTTP status 302)');
});

test('leads of a batch get the same problem', async () => {
  const { endpoint, calls } = await startUpstream(redirects(302, '/login'));
  const gateway = await startTestGateway({
    ...upstreamAt(endpoint),
    MARKETO_MAX_CONCURRENT: '1',
  });
  const answers = await Promise.all(
    Array.from({ length: 5 }, (_, index) => gateway.putLead({ email: `a${index}@b.c` })),
  );
  expect(
    calls.some(({ body }) => body.includes('syncMultipleLeads') || body.includes('paramsSyncMultipleLeads')),
  ).toBe(true);
  for (const { body } of answers) expect(body.detail).toMatch(/redirects to .*\/login \(HTTP status 302\)/);
});
