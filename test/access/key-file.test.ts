import { describe, expect, test } from 'vitest';
import { readKeyFile } from '../../src/access/key-file.ts';

const HASH = 'ab'.repeat(32);
const secret = { name: 'crm', hash: HASH, kind: 'secret' };
const publishable = { name: 'web', hash: HASH, kind: 'publishable', origins: ['https://a.example'] };

function mistakesOf(...keys: unknown[]): readonly string[] {
  const read = readKeyFile(JSON.stringify({ keys }));
  return read.ok ? [] : read.mistakes;
}

describe('the file of keys', () => {
  test('is valid with a name, a hash and a kind', () => {
    expect(mistakesOf(secret)).toEqual([]);
    expect(mistakesOf(publishable)).toEqual([]);
    expect(mistakesOf()).toEqual([]);
  });

  test.each<[string, string]>([
    ['', 'the file is not JSON (line 1, column 1)'],
    [`{"keys":[${HASH}`, 'the file is not JSON (line 1, column 10)'],
    ['[]', 'the file must be an object'],
    ['{}', 'keys must be a list'],
    ['{"keys":[],"more":1}', 'the file has unknown members: more'],
    [`{"keys":[],"${HASH}":1}`, 'the file has unknown members: (not shown)'],
    ['{"keys":[1]}', 'keys[0] must be an object'],
  ])('%j is refused', (text, mistake) => {
    expect(readKeyFile(text)).toEqual({ ok: false, mistakes: [mistake] });
  });

  test.each<[string, object, string]>([
    ['a name with blanks', { name: 'a b' }, 'keys[0].name must be 1 to 64 characters A-Z a-z 0-9 . _ -'],
    [
      'a key for a hash',
      { hash: 'lgs_x' },
      'keys[0].hash must be a SHA-256 as 64 lower-case hexadecimal digits',
    ],
    ['an unknown kind', { kind: 'x' }, 'keys[0].kind must be secret, publishable or webhook'],
    ['a typing mistake', { orgins: [] }, 'keys[0] has unknown members: orgins'],
    ['text for a flag', { enabled: 'yes' }, 'keys[0].enabled must be true or false'],
    [
      'a date alone',
      { expiresAt: '2030-01-31' },
      'keys[0].expiresAt must be a time such as 2030-01-31T00:00:00Z',
    ],
    [
      'an impossible date',
      { expiresAt: '2030-02-31T00:00:00Z' },
      'keys[0].expiresAt must be a time such as 2030-01-31T00:00:00Z',
    ],
    [
      'workspaces without a default',
      { workspaces: ['A'] },
      'keys[0].defaultWorkspace must be one of workspaces, for requests that name none',
    ],
    [
      'another default',
      { workspaces: ['A'], defaultWorkspace: 'B' },
      'keys[0].defaultWorkspace must be one of workspaces, for requests that name none',
    ],
    [
      'an empty name',
      { attributes: [''] },
      'keys[0].attributes[0] must be the name of an attribute, or a pattern with *',
    ],
    [
      'origins of a secret key',
      { origins: ['https://a.example'] },
      'keys[0].origins is for publishable keys; a secret key is refused from pages of other origins',
    ],
    [
      'an empty limit',
      { rateLimit: {} },
      'keys[0].rateLimit needs requestsPerSecond, requestsPerDay or both',
    ],
    [
      'a burst alone',
      { rateLimit: { burst: 3, requestsPerDay: 9 } },
      'keys[0].rateLimit.burst goes only with requestsPerSecond',
    ],
    [
      'an odd burst',
      { rateLimit: { burst: 3, requestsPerSecond: 2 } },
      'keys[0].rateLimit.burst must be a multiple of requestsPerSecond: it is a count of requests in whole seconds',
    ],
    [
      'half a request',
      { rateLimit: { requestsPerSecond: 0.5 } },
      'keys[0].rateLimit.requestsPerSecond must be a whole number from 1 to 10000',
    ],
  ])('%s is refused by its path', (_what, members, mistake) => {
    expect(mistakesOf({ ...secret, ...members })).toEqual([mistake]);
  });

  test.each<[object, string]>([
    [{ origins: [] }, 'origins is needed for a publishable key: at least one'],
    [{ returnLead: true }, 'returnLead is not allowed for a publishable key'],
    [{ byId: true }, 'byId is not allowed for a publishable key'],
    [{ byForeignId: true }, 'byForeignId is not allowed for a publishable key'],
    [{ metrics: true }, 'metrics is not allowed for a publishable key'],
    [{ outbox: true }, 'outbox is not allowed for a publishable key'],
    [{ attributes: ['*'] }, 'attributes[0] must be narrower than * for a publishable key'],
  ])('a publishable key with %j is refused', (members, mistake) => {
    expect(mistakesOf({ ...publishable, ...members })).toEqual([`keys[0].${mistake}`]);
  });

  const webhook = { name: 'hook', hash: HASH, kind: 'webhook', attributes: ['FirstName'] };

  test('takes what a key says about forms and webhooks', () => {
    const pages = {
      successUrl: 'https://a.example/thanks',
      errorUrl: 'http://localhost:3000/x?y=1#z',
      honeypot: 'nickname',
    };
    expect(mistakesOf({ ...publishable, ...pages })).toEqual([]);
    const list = { list: '/answers', where: { '/field/ref': 'name' }, value: '/text' };
    const map = { email: '/data/email', workspace: { constant: 'Default' }, attributes: { FirstName: list } };
    expect(mistakesOf({ ...webhook, map, signature: { scheme: 'stripe', secretEnv: 'STRIPE' } })).toEqual([]);
    expect(mistakesOf({ ...webhook, signature: { scheme: 'typeform', secretFile: '/run/t' } })).toEqual([]);
  });

  const URL_RULE =
    'must be an absolute https: address (http: on this machine only), without credentials, of at most 2000 characters';
  const PART_OF_LEAD = 'must be a field that people leave empty; this one is part of the lead';
  const POINTER_RULE = /must be a JSON pointer such as/;

  test.each<[of: object, members: object, member: string, rule: string | RegExp]>([
    [publishable, { successUrl: 'http://a.example' }, 'successUrl', URL_RULE],
    [publishable, { successUrl: '/thanks' }, 'successUrl', URL_RULE],
    [publishable, { successUrl: '//a.example' }, 'successUrl', URL_RULE],
    [publishable, { errorUrl: 'javascript:alert(1)' }, 'errorUrl', URL_RULE],
    [publishable, { errorUrl: 'https://u:p@a.example' }, 'errorUrl', URL_RULE],
    [publishable, { errorUrl: 'http://localhost.evil.example' }, 'errorUrl', URL_RULE],
    [publishable, { honeypot: '' }, 'honeypot', 'must be the name of a field'],
    [secret, { honeypot: 'x' }, 'honeypot', 'is for publishable keys, which forms use'],
    [publishable, { honeypot: 'email' }, 'honeypot', PART_OF_LEAD],
    [publishable, { honeypot: '_clear' }, 'honeypot', PART_OF_LEAD],
    [publishable, { honeypot: 'Fax', attributes: ['Fax'] }, 'honeypot', PART_OF_LEAD],
    [webhook, { successUrl: 'https://a.example' }, 'successUrl', 'is for publishable keys, which forms use'],
    [secret, { signature: { scheme: 'stripe', secretEnv: 'X' } }, 'signature', 'is for keys of webhooks'],
    [
      webhook,
      { signature: { scheme: 'stripe' } },
      'signature',
      'needs secretFile or secretEnv: where the secret is',
    ],
    [
      webhook,
      { signature: { scheme: 'x', secretEnv: 'X' } },
      'signature.scheme',
      /^must be one of standard-webhooks/,
    ],
    [webhook, { map: { email: 'data.email' } }, 'map.email', POINTER_RULE],
    [webhook, { map: { email: '' } }, 'map.email', POINTER_RULE],
    [webhook, { map: { email: '/a~2' } }, 'map.email', POINTER_RULE],
    [webhook, { map: { returnLead: '/a' } }, 'map', 'has unknown members: returnLead'],
    [
      webhook,
      { map: { attributes: { Phone: '/a' } } },
      'map.attributes.Phone',
      'is not among the attributes of the key',
    ],
    [webhook, { map: { id: '/a' } }, 'map.id', 'needs byId, which the key does not have'],
    [webhook, { map: { foreignSysPersonId: '/a' } }, 'map.foreignSysPersonId', /^needs byForeignId/],
    [webhook, { byId: true }, 'byId', 'is not allowed for a webhook key'],
    [webhook, { attributes: ['*'] }, 'attributes[0]', 'must be narrower than * for a webhook key'],
    [webhook, { origins: ['https://a.example'] }, 'origins', /^is for publishable keys; a webhook key/],
  ])('%j with %j is refused', (of, members, member, rule) => {
    const [mistake = '', ...others] = mistakesOf({ ...of, ...members });
    expect(others).toEqual([]);
    expect(mistake.startsWith(`keys[0].${member} `)).toBe(true);
    expect(mistake.slice(`keys[0].${member} `.length)).toMatch(rule);
  });

  test.each(['https://a.example', 'http://localhost:3000', 'capacitor://localhost', 'app://com.example.app'])(
    '%s is an origin',
    (origin) => {
      expect(mistakesOf({ ...publishable, origins: [origin] })).toEqual([]);
    },
  );

  test.each([
    ['*', /; \* is not allowed: list each origin$/],
    ['https://*.a.example', /; \* is not allowed: list each origin$/],
    ['app://*', /; \* is not allowed: list each origin$/],
    ['https://münchen.example', /, with its host in punycode \(xn--…\), as browsers send it$/],
    ['null', /without a path$/],
    ['a.example', /, with https:\/\/ in front$/],
    ['https://a.example/', /, without the slash at the end$/],
    ['https://A.example', /, in lower case$/],
    ['https://a.example:443', /, without the port: /],
    ['https://*.a.example/x', /, in lower case, without a path$/],
    ['https://u@a.example', /without a path$/],
  ])('%s is not an origin', (origin, hint) => {
    expect(mistakesOf({ ...publishable, origins: [origin] })).toEqual([expect.stringMatching(hint)]);
  });

  test('reports everything at once, and keys that share a name or a hash', () => {
    expect(mistakesOf(secret, { ...secret, name: 'other' }, { ...secret, hash: '0'.repeat(64) })).toEqual([
      'keys[2].name is also that of another key, revoked ones included; choose another',
      'keys[1].hash is also that of another key',
    ]);
    expect(mistakesOf({ ...secret, kind: 1 }, { ...secret, name: 1 })).toHaveLength(2);
  });
});
