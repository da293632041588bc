import { expect, test } from 'vitest';
import { readProxies } from '../../src/config/proxies.ts';
import { proxyFor } from '../../src/transport/proxy.ts';

const PROXY = { HTTPS_PROXY: 'http://proxy.example:3128' };

const chosen = (env: Record<string, string>, url: string) => {
  const { proxies, mistakes } = readProxies(env);
  expect(mistakes).toEqual([]);
  const proxy = proxyFor(proxies, new URL(url));
  return proxy && `${proxy.protocol}//${proxy.hostname}:${proxy.port} by ${proxy.variable}`;
};

test.each<[Record<string, string>, string, string | null]>([
  [{}, 'https://a.example', null],
  [{ HTTPS_PROXY: '' }, 'https://a.example', null],
  [{ HTTPS_PROXY: 'http://p:3128' }, 'https://a.example', 'http://p:3128 by HTTPS_PROXY'],
  [{ https_proxy: 'http://p:3128/' }, 'https://a.example', 'http://p:3128 by https_proxy'],
  [
    { HTTPS_PROXY: 'http://p:1', https_proxy: 'http://p:1' },
    'https://a.example',
    'http://p:1 by https_proxy',
  ],
  [{ HTTPS_PROXY: 'p:3128' }, 'https://a.example', 'http://p:3128 by HTTPS_PROXY'],
  [{ HTTPS_PROXY: 'p' }, 'https://a.example', 'http://p:80 by HTTPS_PROXY'],
  [{ HTTPS_PROXY: ' https://p ' }, 'https://a.example', 'https://p:443 by HTTPS_PROXY'],
  [
    { HTTPS_PROXY: 'HTTP://[2001:DB8::1]:3128' },
    'https://a.example',
    'http://2001:db8::1:3128 by HTTPS_PROXY',
  ],
  [{ HTTPS_PROXY: 'user:password@p:3128' }, 'https://a.example', 'http://p:3128 by HTTPS_PROXY'],
  [{ HTTPS_PROXY: 'http://p:1' }, 'http://a.example', null],
  [{ HTTP_PROXY: 'http://p:1' }, 'http://a.example', 'http://p:1 by HTTP_PROXY'],
  [{ HTTP_PROXY: 'http://p:1' }, 'https://a.example', null],
  [{ ALL_PROXY: 'http://p:1' }, 'https://a.example', 'http://p:1 by ALL_PROXY'],
  [{ all_proxy: 'http://p:1' }, 'http://a.example', 'http://p:1 by all_proxy'],
  [{ ALL_PROXY: 'http://p:1', HTTPS_PROXY: 'http://q:2' }, 'https://a.example', 'http://q:2 by HTTPS_PROXY'],
  // Loopback, whatever NO_PROXY says.
  [{ ALL_PROXY: 'http://p:1' }, 'http://localhost:8081', null],
  [{ ALL_PROXY: 'http://p:1' }, 'http://sandbox.localhost.:8081', null],
  [{ ALL_PROXY: 'http://p:1' }, 'http://127.8.9.10', null],
  [{ ALL_PROXY: 'http://p:1' }, 'https://[::1]', null],
  [{ ALL_PROXY: 'http://p:1' }, 'https://localhost.example', 'http://p:1 by ALL_PROXY'],
])('with %j, %s goes through %s', (env, url, expected) => {
  expect(chosen(env, url)).toBe(expected);
});

test.each<[string, string, boolean]>([
  ['*', 'https://a.example', true],
  ['example.com', 'https://example.com', true],
  ['example.com', 'https://a.b.EXAMPLE.com.', true],
  ['example.com', 'https://notexample.com', false],
  ['example.com', 'https://example.com.evil.example', false],
  ['.example.com', 'https://a.example.com', true],
  ['.example.com', 'https://example.com', true],
  ['*.example.com', 'https://a.example.com', true],
  ['Example.COM.', 'https://example.com', true],
  ['münchen.example', 'https://xn--mnchen-3ya.example', true],
  ['a.example, b.example', 'https://b.example', true],
  ['a.example b.example\tc.example', 'https://c.example', true],
  [',a.example,,', 'https://b.example', false],
  ['example.com:8443', 'https://example.com:8443', true],
  ['example.com:443', 'https://example.com', true],
  ['example.com:8443', 'https://example.com', false],
  ['10.*', 'https://10.1.2.3', true],
  ['*.mktoapi.com', 'https://123-abc-456.mktoapi.com/soap/mktows/2_9', true],
  ['192.0.2.1', 'https://192.0.2.1', true],
  ['192.0.2.1', 'https://192.0.2.10', false],
  ['192.0.2.1:8443', 'https://192.0.2.1', false],
  ['192.0.2.0/24', 'https://192.0.2.200', true],
  ['192.0.2.0/25', 'https://192.0.2.200', false],
  ['2001:db8::1', 'https://[2001:DB8:0::1]', true],
  ['[2001:db8::1]', 'https://[2001:db8::1]', true],
  ['[2001:db8::1]:8443', 'https://[2001:db8::1]', false],
  ['2001:db8::/32', 'https://[2001:db8:1::1]', true],
  ['2001:db8::/32', 'https://[2001:db9::1]', false],
])('NO_PROXY=%s keeps %s from the proxy: %s', (noProxy, url, isDirect) => {
  expect(chosen({ ...PROXY, NO_PROXY: noProxy }, url) === null).toBe(isDirect);
  expect(chosen({ ...PROXY, no_proxy: noProxy }, url) === null).toBe(isDirect);
});

test.each([
  ['http://user:secret@p:3128', 'user:secret'],
  ['http://us%40er:se%3Acret%2F%25@p:3128', 'us@er:se:cret/%'],
  ['http://user@p:3128', 'user:'],
  ['http://m%C3%BCller:s%C3%A4cret@p', 'müller:säcret'],
  ['http://user:sec@ret@p:3128', 'user:sec@ret'],
])('the credentials of %s are %s', (url, credentials) => {
  const { proxies } = readProxies({ HTTPS_PROXY: url });
  expect(proxies?.https?.authorization?.reveal()).toBe(
    `Basic ${Buffer.from(credentials).toString('base64')}`,
  );
  expect(JSON.stringify(proxies)).not.toMatch(/cret|c2VjcmV0/);
});

test.each<[Record<string, string>, RegExp]>([
  [{ HTTPS_PROXY: 'socks5://user:secret@p:1080' }, /^HTTPS_PROXY must be .*SOCKS/],
  [{ https_proxy: 'ftp://secret@p' }, /^https_proxy must be the http: or https: URL/],
  [{ HTTP_PROXY: 'http://' }, /^HTTP_PROXY must be/],
  [{ ALL_PROXY: 'http://user:secret@p:99999' }, /^ALL_PROXY must be/],
  [{ HTTPS_PROXY: 'http://user:sec#ret@p:3128' }, /^HTTPS_PROXY must be/],
  [{ HTTPS_PROXY: 'http://user:123/secret@p:3128' }, /^HTTPS_PROXY must be .*%2F/],
  [
    { HTTPS_PROXY: 'http://user:secret%zz@p:3128' },
    /^HTTPS_PROXY contains a user or a password that is not percent/,
  ],
  [{ HTTPS_PROXY: 'http://us%3Aer:secret@p:3128' }, /^HTTPS_PROXY contains .*no colon/],
  [
    { HTTPS_PROXY: 'http://p:1', https_proxy: 'http://q:2' },
    /^HTTPS_PROXY and https_proxy are both set and differ/,
  ],
  [{ NO_PROXY: 'a', no_proxy: 'b' }, /^NO_PROXY and no_proxy are both set and differ/],
  [{ ...PROXY, NO_PROXY: '10.0.0.0/33' }, /^NO_PROXY must be/],
  [{ ...PROXY, NO_PROXY: 'https://a.example/b' }, /^NO_PROXY must be/],
])('%j is a mistake that is named without its value', (env, mistake) => {
  const { mistakes } = readProxies(env);
  expect(mistakes).toEqual([expect.stringMatching(mistake)]);
  expect(mistakes.join()).not.toMatch(/secret|sec#ret/);
});

test.each<[string, string]>([
  ['HTTPS_PROXY', '"http://user:secret@proxy:3128"'],
  ['HTTPS_PROXY', '${PROXY}'],
  ['NO_PROXY', '"a.example,b.example"'],
  ['NO_PROXY', "'a.example'"],
  ['HTTP_PROXY', 'http://proxy:0'],
])('%s=%s is a mistake without the value', (name, value) => {
  const { mistakes } = readProxies({ ...PROXY, [name]: value });
  expect(mistakes).toEqual([expect.stringMatching(`^${name} `)]);
  expect(mistakes.join()).not.toContain('secret');
});
