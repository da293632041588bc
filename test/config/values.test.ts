import { describe, expect, test } from 'vitest';
import { type Config, readConfig } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/files.ts';
import { decodeText } from '../../src/text/text-file.ts';
import { keysText, SECRET } from '../support/gateway.ts';

const KEY = 'a-secret-key-for-tests';
const upstream = {
  MARKETO_SOAP_ENDPOINT: 'https://123-abc-456.mktoapi.com/soap/mktows/2_9',
  MARKETO_USER_ID: 'demo17_1_809934544BFABAE58E5D27',
  MARKETO_ENCRYPTION_KEY: KEY,
};

function read(env: Environment, files: Readonly<Record<string, Uint8Array | string>> = {}) {
  return readConfig(env, (path) => decodeText(Buffer.from(files[path] ?? '')));
}

function configOf(env: Environment, files?: Readonly<Record<string, Uint8Array | string>>) {
  const result = read(env, files);
  if (!result.ok) throw new Error(result.mistakes.join('; '));
  return result.config;
}

function mistakesOf(env: Environment, files?: Readonly<Record<string, Uint8Array | string>>) {
  const result = read(env, files);
  return result.ok ? [] : result.mistakes;
}

/** The SOAP upstream of a configuration. */
function soapOf(config: Pick<Config, 'upstream'>) {
  return config.upstream?.protocol === 'soap' ? config.upstream : undefined;
}

describe('HOST', () => {
  test.each([
    ['[::1]', '::1'],
    ['::1', '::1'],
    ['0:0:0:0:0:0:0:1', '0:0:0:0:0:0:0:1'],
    ['localhost', 'localhost'],
    ['127.0.0.1 ', '127.0.0.1'],
    ['127.0.0.1\r', '127.0.0.1'],
  ])('%j is loopback and listens on %s', (given, host) => {
    expect(configOf({ HOST: given }).host).toBe(host);
  });

  test.each(['[::]', '0.0.0.0', 'fe80::1%eth0', 'gateway', 'gateway.example.com.'])(
    '%s is taken',
    (given) => {
      expect(mistakesOf({ HOST: given, ALLOW_UNAUTHENTICATED: 'true' })).toEqual([]);
    },
  );

  test.each([
    ['x86_64-conda-linux-gnu', /"x86_64-conda-linux-gnu" .*conda.*unset HOST/],
    ['aarch64-conda-linux-gnu', /"aarch64-conda-linux-gnu" .*conda/],
    ['arm64-apple-darwin20.0.0', /conda/],
    ['http://0.0.0.0', /without http/],
    ['0.0.0.0:8080', /PORT/],
    ['[::1]:8080', /PORT/],
    ['localhost:8080', /PORT/],
    ['*', /0\.0\.0\.0/],
    ['0', /four numbers/],
    ['127.1', /four numbers/],
    ['2130706433', /four numbers/],
    ['256.0.0.1', /four numbers/],
    ['[127.0.0.1]', /brackets/],
    ['my box', /"my box"/],
    ['"127.0.0.1"', /quotes/],
  ])('%s is refused with words, as one mistake', (given, words) => {
    const env = { HOST: given, ALLOW_UNAUTHENTICATED: 'true' };
    expect(mistakesOf(env)).toEqual([expect.stringMatching(words)]);
    expect(mistakesOf({ HOST: given })).toHaveLength(1);
    expect(mistakesOf(env)[0]).toMatch(/^HOST /);
  });

  test('a HOST that a shell may have set says so', () => {
    expect(mistakesOf({ HOST: 'workstation' })[0]).toMatch(/^HOST "workstation" is not a loopback .*csh/);
    expect(mistakesOf({ HOST: '10.0.0.1' })[0]).not.toContain('csh');
  });
});

describe('a number', () => {
  test.each(['8080', ' 8080', '8080 ', '8080\r\n', '08080'])('%j means one thing', (given) => {
    expect(configOf({ PORT: given }).port).toBe(8080);
  });

  test.each([
    ['PORT', '"8080"', /^PORT '"8080"' has quotes around it/],
    ['PORT', "'8080'", /^PORT "'8080'" has quotes around it/],
    ['PORT', '\u201C8080\u201D', /quotes/],
    ['PORT', 'tcp://10.0.0.1:8080', /^PORT "tcp:\/\/10\.0\.0\.1:8080" .*enableServiceLinks/],
    ['SANDBOX_PORT', 'tcp://10.0.0.1:8081', /^SANDBOX_PORT "tcp.*Kubernetes/],
    ['METRICS_PORT', 'tcp://10.0.0.1:9464', /Kubernetes/],
    ['PORT', '\\\\.\\pipe\\8a9f-iisnode', /named pipe/],
    ['PORT', '/run/gateway.sock', /Unix socket/],
    ['PORT', '0.0.0.0:8080', /HOST/],
    ['PORT', '65536', /"65536" must be a whole number from 0 to 65535/],
    ['PORT', '8_080', /in digits only/],
    ['PORT', '$PORT', /reference/],
    ['REQUEST_DEADLINE_MS', '10s', /"10s" must be a whole number from 1 to 600000, without a unit/],
    ['MARKETO_DAILY_CALLS', '1_000', /in digits only/],
    ['MARKETO_DAILY_CALLS', '10,000', /in digits only/],
    ['MARKETO_DAILY_CALLS', '1e4', /"1e4"/],
    ['MARKETO_DAILY_CALLS', '١٠', /whole number/],
    ['TRUSTED_PROXIES', '10.0.0.1', /"10\.0\.0\.1" must be the number of proxies/],
    ['TRUSTED_PROXIES', 'true', /"true" must be the number of proxies/],
    ['TRUSTED_PROXIES', 'loopback, 10.0.0.0/8', /must be the number of proxies/],
    ['TRUSTED_PROXIES', '11', /from 0 to 10/],
    [
      'CORS_ORIGINS',
      'https://www.example.com/',
      /such as https:\/\/www.example.com, without the slash at the end$/,
    ],
    ['CORS_ORIGINS', 'https://a.example,https://b.example/', /without the slash at the end$/],
    ['CORS_ORIGINS', 'https://a.example/shop', /without a path$/],
    ['CORS_ORIGINS', 'https://A.example', /in lower case$/],
    ['CORS_ORIGINS', 'https://a.example:443', /without the port/],
    ['CORS_ORIGINS', 'www.example.com', /with https:\/\/ in front$/],
    ['CORS_ORIGINS', '*', /\* is not allowed: list each origin$/],
    ['LOG_LEVEL', 'loud', /"loud" must be one of trace/],
    ['PUBLIC_URL', '"https://x.example"', /quotes/],
    ['PUBLIC_URL', 'https://${HOST}', /reference/],
    ['MARKETO_SANDBOX', 'maybe', /"maybe" must be true or false/],
    ['NODE_ENV', 'prod', /"prod" must be production/],
    ['NODE_ENV', 'Production', /must be production/],
  ])('%s=%s is refused with its value', (name, value, words) => {
    expect(mistakesOf({ [name]: value })).toEqual([expect.stringMatching(words)]);
  });

  test('is quoted in bounds, and without what a terminal would obey', () => {
    const [mistake = ''] = mistakesOf({ PORT: `8\u001B[2J${'9'.repeat(500)}` });
    expect(mistake).toContain('"8\\u{1b}[2J999');
    expect(mistake.length).toBeLessThan(200);
  });

  test.each(['https://user:hunter2@x/', 'ftp://u:hun/ter2@x', 'redis://:hun@ter2@x'])(
    'never shows the password of %s',
    (url) => {
      const env = { PUBLIC_URL: url, MARKETO_SOAP_ENDPOINT: url, JWT_JWKS_URL: url, HOST: url };
      expect(mistakesOf(env).join()).not.toMatch(/hun|ter2/);
    },
  );

  test('of a file is not quoted: the file may be a wrong one', () => {
    const [mistake] = mistakesOf({ PORT_FILE: '/etc/shadow' }, { '/etc/shadow': 'root:hash' });
    expect(mistake).toMatch(/^PORT \(in the file of PORT_FILE\) must be/);
    expect(mistake).not.toContain('root');
  });
});

test.each(['true', 'True', 'TRUE', '1', 'yes', 'on', 'true ', 'true\r'])('a flag %j is set', (value) => {
  expect(configOf({ NODE_ENV: 'production', MARKETO_SANDBOX: value }).upstream).toBeNull();
});

test.each(['false', 'False', '0', 'no', 'off'])('a flag %j is not set', (value) => {
  expect(mistakesOf({ NODE_ENV: 'production', MARKETO_SANDBOX: value })).toContainEqual(
    expect.stringContaining('MARKETO_REST_ENDPOINT is missing'),
  );
});

test('a level of the log is taken in any case', () => {
  expect(configOf({ LOG_LEVEL: 'WARN' }).logLevel).toBe('warn');
});

describe('a text', () => {
  test.each(['\n', '\r\n', '\r'])('loses one line break at its end: %j', (end) => {
    const config = configOf(
      {
        ...upstream,
        MARKETO_ENCRYPTION_KEY: KEY + end,
        MARKETO_USER_ID: `user${end}`,
        API_KEYS_FILE: `/keys${end}`,
      },
      { '/keys': keysText([SECRET]) },
    );
    expect(soapOf(config)?.encryptionKey.reveal()).toBe(KEY);
    expect(soapOf(config)?.userId).toBe('user');
    expect(config.access.keysFile).toBe('/keys');
  });

  const WRONG: readonly [string, (value: string) => string][] = [
    ['another line break', (value) => `${value}\n\n`],
    ['a line break inside', (value) => `${value.slice(0, 3)}\n${value.slice(3)}`],
    ['straight quotes', (value) => `"${value}"`],
    ['single quotes', (value) => `'${value}'`],
    ['curly quotes', (value) => `\u201C${value}\u201D`],
    ['German quotes', (value) => `\u201E${value}\u201C`],
    ['a no-break space', (value) => `${value}\u00A0`],
    ['a zero-width space', (value) => `${value.slice(0, 3)}\u200B${value.slice(3)}`],
    ['a zero-width joiner', (value) => `${value}\u200D`],
    ['a byte order mark', (value) => `\uFEFF${value}`],
    ['a tab', (value) => `${value}\t`],
    ['a control character', (value) => `${value}\u0007`],
    ['a leading blank', (value) => ` ${value}`],
    ['a trailing blank', (value) => `${value} `],
    ['nothing but blanks', () => '   '],
    ['an unresolved reference', () => '${SECRET}'],
    ['a reference of Kubernetes', () => '$(SECRET)'],
  ];
  const NAMES = [
    'MARKETO_ENCRYPTION_KEY',
    'MARKETO_USER_ID',
    'MARKETO_DEFAULT_WORKSPACE',
    'JWT_ISSUER',
    'JWT_AUDIENCE',
    'SANDBOX_STATE_FILE',
  ];
  const tokens = {
    JWT_ISSUER: 'https://id.example.com/',
    JWT_AUDIENCE: 'gateway-audience',
    JWT_JWKS_URL: 'https://id.example.com/k',
  };

  test.each(NAMES.flatMap((name) => WRONG.map(([what, change]) => [name, what, change] as const)))(
    '%s with %s is refused by name',
    (name, _what, change) => {
      const fine: Record<string, string> = { ...upstream, ...tokens };
      const value = change(fine[name] ?? 'a-value-of-mine');
      const mistakes = mistakesOf({ ...fine, [name]: value });
      expect(mistakes).toHaveLength(1);
      expect(mistakes[0]).toMatch(new RegExp(`^${name} `));
      expect(mistakes[0]).not.toContain(KEY.slice(3));
      expect(mistakes[0]).not.toContain('809934544');
    },
  );

  test.each(['...', 'changeme', '<your key>', 'null', 'xxx', '"half', 'half\u2019'])(
    'an encryption key %j is refused',
    (value) => {
      expect(mistakesOf({ ...upstream, MARKETO_ENCRYPTION_KEY: value })).toEqual([
        expect.stringMatching(/^MARKETO_ENCRYPTION_KEY /),
      ]);
    },
  );

  test('the endpoint of the README is a placeholder', () => {
    const env = { ...upstream, MARKETO_SOAP_ENDPOINT: 'https://MUNCHKIN-ID.mktoapi.com/soap/mktows/2_9' };
    expect(mistakesOf(env)).toEqual([expect.stringMatching(/placeholder/)]);
  });

  test.each<[string, RegExp]>([
    [
      'https://123-ABC-456.mktorest.com/rest',
      /REST API; the SOAP endpoint is https:\/\/123-abc-456\.mktoapi\.com\/soap\/mktows\/2_9$/,
    ],
    ['https://123-ABC-456.mktorest.com/soap/mktows/2_9', /REST API/],
    ['https://123-ABC-456.mktoapi.com/rest/v1/leads.json', /REST API/],
    ['https://x.mktoapi.com/', /has no path; the SOAP endpoint is https:\/\/x\.mktoapi\.com\/soap/],
    ['https://x.mktoapi.com', /has no path/],
    ['https://x.mktoapi.com/soap/mktows/', /does not have the path/],
    ['https://app-sj01.marketo.com/', /https:\/\/<munchkin id>\.mktoapi/],
  ])('%s is not the SOAP endpoint, and the message shows one', (endpoint, words) => {
    const mistakes = mistakesOf({ ...upstream, MARKETO_SOAP_ENDPOINT: endpoint });
    expect(mistakes).toEqual([expect.stringMatching(words)]);
    expect(mistakes[0]).toMatch(/^MARKETO_SOAP_ENDPOINT "https:/);
  });

  test.each([
    'https://na-q.marketo.com/soap/mktows/1_5',
    'https://x.mktoapi.com/soap/mktows/3_1/',
    'https://relay.example.com/',
    'http://127.0.0.1:8081/rest',
  ])('%s may be one', (endpoint) => {
    expect(mistakesOf({ ...upstream, MARKETO_SOAP_ENDPOINT: endpoint })).toEqual([]);
  });

  test.each(['Vertrieb Süd', 'בדיקה', 'می\u200Cخواهم', '👩\u200D💻', "Jim's"])(
    'a workspace may be called %s',
    (name) => {
      expect(configOf({ MARKETO_DEFAULT_WORKSPACE: name }).defaultWorkspace).toBe(name);
    },
  );
});

describe('a file', () => {
  const env = { ...upstream, MARKETO_ENCRYPTION_KEY: undefined, MARKETO_ENCRYPTION_KEY_FILE: '/key' };

  test('may begin with a byte order mark', () => {
    const config = configOf(
      { ...env, API_KEYS_FILE: '/keys' },
      { '/key': `\uFEFF${KEY}\r\n`, '/keys': `\uFEFF${keysText([SECRET])}` },
    );
    expect(soapOf(config)?.encryptionKey.reveal()).toBe(KEY);
  });

  const failing = (code: string) =>
    readConfig({ ...env, API_KEYS_FILE: './keys.json' }, () => {
      throw Object.assign(new Error('no'), { code });
    });

  test.each([
    ['ENOENT', 'does not exist (ENOENT)'],
    ['EISDIR', 'is a folder (EISDIR)'],
    ['EACCES', 'may not be read by this user (EACCES)'],
    ['EPERM', 'may not be read by this user (EPERM)'],
    ['ENOTDIR', 'goes through something that is not a folder (ENOTDIR)'],
    ['EIO', 'cannot be read (EIO)'],
  ])('that fails with %s is named by its path, in words', (code, words) => {
    expect(failing(code)).toEqual({
      ok: false,
      mistakes: [`MARKETO_ENCRYPTION_KEY_FILE "/key" ${words}`, `API_KEYS_FILE "./keys.json" ${words}`],
    });
  });

  test('of a secret that is the secret itself shows nothing of it', () => {
    const [mistake] = mistakesOf({ ...env, MARKETO_ENCRYPTION_KEY_FILE: KEY });
    expect(mistake).toMatch(/^MARKETO_ENCRYPTION_KEY_FILE \(not shown: it may be the value itself/);
    expect(mistake).not.toContain(KEY);
  });

  const utf16 = Buffer.from(KEY, 'utf16le');
  test.each<[string, Uint8Array, RegExp]>([
    [
      'UTF-16 with its mark',
      Buffer.concat([Buffer.from([0xff, 0xfe]), utf16]),
      /is in UTF-16; save it as UTF-8/,
    ],
    [
      'UTF-16 of the other order',
      Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(utf16).swap16()]),
      /UTF-16/,
    ],
    ['UTF-16 without a mark', utf16, /UTF-16/],
    ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 65, 0, 0, 0]), /UTF-32/],
    ['Latin-1', Buffer.from('schl\u00FCssel', 'latin1'), /is not in UTF-8/],
  ])('in %s is named', (_what, bytes, words) => {
    expect(mistakesOf(env, { '/key': bytes })).toEqual([expect.stringMatching(words)]);
    expect(mistakesOf({ ...upstream, API_KEYS_FILE: '/keys' }, { '/keys': bytes })).toEqual([
      expect.stringMatching(words),
    ]);
  });
});

const TOKENS = {
  JWT_ISSUER: 'https://login.example.com/',
  JWT_AUDIENCE: 'leads',
  JWT_JWKS_URL: 'https://login.example.com/keys',
};

test.each<[Environment, RegExp]>([
  [{ ...TOKENS, JWT_JWKS_URL: 'https://u:hunter2@idp/keys' }, /^JWT_JWKS_URL .*user name or a password/],
  [{ ...TOKENS, JWT_JWKS_URL: 'https://idp/<tenant>/keys' }, /^JWT_JWKS_URL .*placeholder/],
  [{ ...TOKENS, JWT_ISSUER: 'https://idp/{tenant}/v2.0' }, /^JWT_ISSUER .*placeholder/],
  [{ REDIS_URL: 'redis://127.0.0.1:1/abc' }, /^REDIS_URL must be a URL/],
  [{ REDIS_URL: 'redis://u:hunter%2@127.0.0.1:1' }, /^REDIS_URL must be a URL/],
])('what would fail later is a mistake at start: %j', (env, mistake) => {
  const mistakes = mistakesOf(env);
  expect(mistakes).toEqual([expect.stringMatching(mistake)]);
  expect(mistakes.join()).not.toContain('hunter');
});

test.each(['redis://h', 'redis://h:1/', 'rediss://u:p%25@h:1/15'])('REDIS_URL may be %s', (url) => {
  expect(mistakesOf({ REDIS_URL: url })).toEqual([]);
});
