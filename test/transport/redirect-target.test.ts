import { expect, test } from 'vitest';
import { redirectTarget } from '../../src/transport/http-post.ts';

const ENDPOINT = new URL('http://123-abc.example.com/soap/mktows/2_9?tenant=secret');

test.each<[string, string | undefined, string | undefined]>([
  [
    'another scheme',
    'https://123-abc.example.com/soap/mktows/2_9',
    'https://123-abc.example.com/soap/mktows/2_9',
  ],
  ['a slash at the end', '/soap/mktows/2_9/', 'http://123-abc.example.com/soap/mktows/2_9/'],
  ['a path beside it', '2_8', 'http://123-abc.example.com/soap/mktows/2_8'],
  ['another host', '//login.example.com/', 'http://login.example.com/'],
  ['a port', 'https://example.com:8443/a', 'https://example.com:8443/a'],
  ['a user and a password', 'https://user:secret@example.com/a', 'https://example.com/a'],
  ['a query and a fragment', 'https://example.com/a?token=secret#secret', 'https://example.com/a'],
  ['path parameters', '/login;jsessionid=secret/b;c=secret', 'http://123-abc.example.com/login/b'],
  [
    'digits that may be a signature',
    '/login/1B9c04b2aa00ff1B9c04b2aa00ff1B9c04b2aa00/x',
    'http://123-abc.example.com/login/…/x',
  ],
  ['a query alone', '?session=secret', 'http://123-abc.example.com/soap/mktows/2_9'],
  ['control characters', 'https://exa\tmple.com/a\x01b\u0085', 'https://example.com/a%01b%C2%85'],
  ['characters beyond ASCII', 'https://münchen.example/ü', 'https://xn--mnchen-3ya.example/%C3%BC'],
  ['no place', undefined, undefined],
  ['an empty place', ' ', undefined],
  ['a script', 'javascript:alert(1)', undefined],
  ['a file', 'file:///etc/passwd', undefined],
  ['not a URL', 'https://', undefined],
])('a Location with %s is reduced to what people need', (_what, location, where) => {
  expect(redirectTarget(location, ENDPOINT)).toBe(where);
});

test('a Location of any length is shortened to 200 characters', () => {
  expect(redirectTarget(`/${'x'.repeat(10_000)}`, ENDPOINT)).toHaveLength(201);
});
