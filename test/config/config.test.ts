import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type Config, readConfig } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/files.ts';

const ENDPOINT = 'https://123-abc-456.mktoapi.com/soap/mktows/2_9';
const upstream = {
  MARKETO_SOAP_ENDPOINT: ENDPOINT,
  MARKETO_USER_ID: 'user',
  MARKETO_ENCRYPTION_KEY: 'a-secret-key-for-tests',
};

const noFiles = () => {
  throw new Error('no file is read');
};

function mistakesOf(env: Environment, readFile: (path: string) => string = noFiles): readonly string[] {
  const result = readConfig(env, readFile);
  return result.ok ? [] : result.mistakes;
}

function configOf(env: Environment, readFile: (path: string) => string = noFiles) {
  const result = readConfig(env, readFile);
  if (!result.ok) throw new Error(result.mistakes.join('; '));
  return result.config;
}

/** The SOAP upstream of a configuration. */
function soapOf(config: Pick<Config, 'upstream'>) {
  return config.upstream?.protocol === 'soap' ? config.upstream : undefined;
}

test('an empty environment gives the sandbox on loopback and the defaults', () => {
  expect(configOf({})).toEqual({
    host: '127.0.0.1',
    port: 8080,
    metricsPort: null,
    outbox: null,
    publicUrl: undefined,
    upstream: null,
    protocol: 'soap',
    rest: {
      foreignIds: {},
      foreignIdFields: new Set(),
      workspacePartitions: new Map(),
      fieldNames: new Map(),
    },
    access: {
      keysFile: undefined,
      token: null,
      corsOrigins: [],
      authFailuresPerMinute: 60,
      publishablePerMinute: 60,
      trustedProxies: 0,
    },
    replicas: null,
    sandboxHost: '127.0.0.1',
    sandboxPort: 8081,
    sandboxStateFile: undefined,
    defaultWorkspace: undefined,
    maxCallsPer20s: 100,
    maxConcurrentCalls: 10,
    dailyCalls: 10_000,
    maxBatch: 300,
    maxQueued: 25_000,
    maxBufferedBytes: 33_554_432,
    maxResponseBytes: 4_194_304,
    requestDeadlineMs: 25_000,
    upstreamTimeoutMs: 20_000,
    publishableResponseMs: 5000,
    keepAliveTimeoutMs: 65_000,
    proxies: null,
    shutdownGraceMs: 10_000,
    shutdownDelayMs: 1000,
    logLevel: 'info',
    tracing: null,
  });
});

test('an upstream is read whole', () => {
  const read = soapOf(configOf(upstream));
  expect(read?.endpoint.href).toBe(ENDPOINT);
  expect(read?.userId).toBe('user');
  expect(read?.encryptionKey.reveal()).toBe('a-secret-key-for-tests');
});

test('an empty variable counts as not set', () => {
  expect(configOf({ PORT: '', MARKETO_USER_ID: '' })).toMatchObject({ port: 8080, upstream: null });
});

test('the encryption key is in no dump of the configuration', () => {
  const config = configOf(upstream);
  expect(inspect(config, { depth: 9, showHidden: true }) + JSON.stringify(config)).not.toContain(
    'a-secret-key',
  );
});

test('all mistakes are reported at once, by name', () => {
  const mistakes = mistakesOf({
    PORT: '80800',
    LOG_LEVEL: 'loud',
    REQUEST_DEADLINE_MS: '1.5',
    MARKETO_SANDBOX: 'perhaps',
    MARKETO_SOAP_ENDPOINT: 'ftp://x',
    MARKETO_USER_ID: 'user',
  });
  expect(mistakes.map((mistake) => mistake.split(' ')[0])).toEqual([
    'MARKETO_SOAP_ENDPOINT',
    'MARKETO_SANDBOX',
    'PORT',
    'REQUEST_DEADLINE_MS',
    'LOG_LEVEL',
    'MARKETO_ENCRYPTION_KEY',
  ]);
});

describe('the credentials', () => {
  test.each(Object.keys(upstream))('%s is missed when the other two are there', (name) => {
    const [mistake, ...others] = mistakesOf({ ...upstream, [name]: undefined });
    expect(mistake).toMatch(new RegExp(`^${name} is missing`));
    expect(others).toEqual([]);
  });

  test('in production all three are missed', () => {
    expect(mistakesOf({ NODE_ENV: 'production' })).toHaveLength(3);
  });

  test('in production the sandbox is used when it is asked for', () => {
    expect(configOf({ NODE_ENV: 'production', MARKETO_SANDBOX: 'true' }).upstream).toBeNull();
  });

  test('the sandbox and credentials together are a contradiction', () => {
    expect(mistakesOf({ ...upstream, MARKETO_SANDBOX: 'true' })).toEqual([
      expect.stringMatching(/^MARKETO_SANDBOX/),
    ]);
  });
});

describe('the endpoint', () => {
  test.each([
    ['http://example.com/soap', /https:/],
    ['not a url', /URL/],
    ['https://user:secret@example.com/soap', /password/],
    [`${ENDPOINT}?WSDL`, /WSDL/],
  ])('%s is refused', (endpoint, reason) => {
    const mistakes = mistakesOf({ ...upstream, MARKETO_SOAP_ENDPOINT: endpoint });
    expect(mistakes).toEqual([expect.stringMatching(reason)]);
    expect(mistakes.join()).not.toContain('secret');
  });

  test.each(['http://127.0.0.1:9/soap', 'http://localhost/soap', 'http://[::1]:9/soap'])(
    '%s is allowed, being loopback',
    (endpoint) => {
      expect(configOf({ ...upstream, MARKETO_SOAP_ENDPOINT: endpoint }).upstream?.endpoint.href).toBe(
        endpoint,
      );
    },
  );

  test('http: is allowed everywhere with MARKETO_ALLOW_INSECURE', () => {
    const env = { ...upstream, MARKETO_SOAP_ENDPOINT: 'http://example.com/', MARKETO_ALLOW_INSECURE: 'true' };
    expect(mistakesOf(env)).toEqual([]);
  });
});

describe('the address to listen on', () => {
  test.each(['0.0.0.0', '::', '192.168.1.5', 'example.com', '127.0.0.1.example.com'])(
    '%s is refused, since callers are not authenticated',
    (host) => {
      expect(mistakesOf({ HOST: host })).toEqual([expect.stringMatching(/^HOST/)]);
      expect(mistakesOf({ HOST: host, ALLOW_UNAUTHENTICATED: 'true' })).toEqual([]);
    },
  );

  test.each(['127.0.0.1', '127.8.8.8', 'localhost', '::1'])('%s is loopback', (host) => {
    expect(mistakesOf({ HOST: host })).toEqual([]);
  });
});

test.each<[Record<string, string>, string[]]>([
  [{ METRICS_PORT: '8080' }, ['METRICS_PORT must differ from PORT']],
  [{ PORT: '9000', SANDBOX_PORT: '9000' }, ['SANDBOX_PORT must differ from PORT']],
  [{ METRICS_PORT: '8081' }, ['SANDBOX_PORT must differ from METRICS_PORT']],
  [{ PORT: '0', METRICS_PORT: '0', SANDBOX_PORT: '0' }, []],
  // Without the sandbox its port is free.
  [{ ...upstream, PORT: '8081' }, []],
])('ports must differ: %j', (env, mistakes) => {
  expect(mistakesOf(env)).toEqual(mistakes);
});

describe('the variables of tokens', () => {
  const tokens = {
    JWT_ISSUER: 'https://id.example.com/',
    JWT_AUDIENCE: 'a',
    JWT_JWKS_URL: 'https://id.example.com/k',
  };

  test.each<[Record<string, string>, string[]]>([
    [{ ...tokens, JWT_REQUESTS_PER_SECOND: '5', JWT_BURST: '10', JWT_REQUESTS_PER_DAY: '1000' }, []],
    [{ ...tokens, JWT_REQUESTS_PER_DAY: '1000' }, []],
    [{ ...tokens, JWT_BURST: '10' }, ['JWT_BURST needs JWT_REQUESTS_PER_SECOND']],
    [
      { ...tokens, JWT_REQUESTS_PER_SECOND: '4', JWT_BURST: '10' },
      ['JWT_BURST must be a multiple of JWT_REQUESTS_PER_SECOND, since it covers whole seconds'],
    ],
    [
      { JWT_REQUESTS_PER_DAY: '1000' },
      [
        'JWT_REQUESTS_PER_DAY is set, but tokens are not accepted without JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL',
      ],
    ],
    [{ ...tokens, JWT_AUDIENCE: 'a, b', JWT_AUDIENCE_CLAIM: 'client_id', JWT_SCOPE_PREFIX: 'api://a/' }, []],
    [{ ...tokens, JWT_AUDIENCE_CLAIM: 'azp' }, ['JWT_AUDIENCE_CLAIM "azp" must be aud or client_id']],
    [
      { ...tokens, JWT_AUDIENCE: 'a,' },
      ['JWT_AUDIENCE "a," must be one audience, or several separated by commas'],
    ],
    ...['lead-gateway', 'lead gateway/'].map((prefix): [Record<string, string>, string[]] => [
      { ...tokens, JWT_SCOPE_PREFIX: prefix },
      [
        `JWT_SCOPE_PREFIX "${prefix}" must be the prefix of the scopes with the separator at its end, such as lead-gateway/ or https://leads.example.com/`,
      ],
    ]),
    [
      { JWT_SCOPE_PREFIX: 'lead-gateway/' },
      ['JWT_SCOPE_PREFIX is set, but tokens are not accepted without JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL'],
    ],
    [
      { ...tokens, JWT_REQUESTS_PER_SECOND: '0' },
      ['JWT_REQUESTS_PER_SECOND "0" must be a whole number from 1 to 10000'],
    ],
  ])('%j: %j', (env, mistakes) => {
    expect(mistakesOf(env)).toEqual(mistakes);
  });
});

describe('a variable as a file', () => {
  const files: Readonly<Record<string, string>> = {
    '/run/key': 'a-secret-key-for-tests\n',
    '/run/empty': '\n',
  };
  const readFile = (path: string) => {
    const content = files[path];
    if (content === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    return content;
  };
  const withKeyFile = (path: string) => ({
    ...upstream,
    MARKETO_ENCRYPTION_KEY: undefined,
    MARKETO_ENCRYPTION_KEY_FILE: path,
  });

  test('gives its content without the line break at its end', () => {
    expect(soapOf(configOf(withKeyFile('/run/key'), readFile))?.encryptionKey.reveal()).toBe(
      'a-secret-key-for-tests',
    );
  });

  test.each([
    ['/run/missing', /^MARKETO_ENCRYPTION_KEY_FILE .*ENOENT/],
    ['/run/empty', /^MARKETO_ENCRYPTION_KEY_FILE .*empty/],
  ])('%s is one mistake and not a missing variable as well', (path, reason) => {
    expect(mistakesOf(withKeyFile(path), readFile)).toEqual([expect.stringMatching(reason)]);
  });

  test('and as itself at once is a mistake', () => {
    const env = { ...upstream, MARKETO_ENCRYPTION_KEY_FILE: '/run/key' };
    expect(mistakesOf(env, readFile)).toEqual([expect.stringMatching(/both set/)]);
  });
});

test('an error without a code still names the file variable', () => {
  expect(mistakesOf({ PORT_FILE: '/x' })).toEqual(['PORT_FILE "/x" cannot be read']);
});

describe('warns when', () => {
  const warningsOf = (env: Environment) => {
    const result = readConfig(env, noFiles);
    return result.ok ? result.warnings : result.mistakes;
  };
  const own = ['leads', 'docs', 'docs/', 'healthz', 'readyz', 'metrics', 'openapi.json', 'swagger.json'];

  test.each(own)('PUBLIC_URL ends with /%s, which is a path below it', (path) => {
    expect(warningsOf({ PUBLIC_URL: `https://leads.example.com/${path}` })).toEqual([
      expect.stringMatching(/^PUBLIC_URL "https:.*\/leads; leave \//),
    ]);
  });

  test.each<[Environment, RegExp]>([
    [{ SHUTDOWN_DELAY_MS: '8000' }, /^SHUTDOWN_DELAY_MS 8000 .* 10000, so 5000 is used$/],
    [{ UPSTREAM_TIMEOUT_MS: '30000' }, /^UPSTREAM_TIMEOUT_MS 30000 is longer than REQUEST_DEADLINE_MS 25000/],
    [
      { REDIS_URL: 'redis://127.0.0.1', OUTBOX_URL: 'file:/var/lib/outbox.db' },
      /^OUTBOX_URL is a file, and REDIS_URL means that there are replicas/,
    ],
    [
      { ...upstream, HTTP_PROXY: 'http://me:secret@p' },
      /^HTTP_PROXY is for http: .*calls to Marketo.* set HTTPS_PROXY/,
    ],
    [{ ...upstream, http_proxy: 'http://p' }, /^http_proxy .* set https_proxy/],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://otel.example.com', HTTP_PROXY: 'http://p' },
      /^HTTP_PROXY .*\(traces\)/,
    ],
  ])('%j is set, whose effect is another', (env, warning) => {
    const warnings = warningsOf(env);
    expect(warnings).toEqual([expect.stringMatching(warning)]);
    expect(warnings.join()).not.toContain('secret');
  });

  test.each<Environment>([
    {},
    { PUBLIC_URL: 'https://example.com/marketo' },
    { PUBLIC_URL: 'https://example.com/my-leads' },
    { SHUTDOWN_DELAY_MS: '5000' },
    { SHUTDOWN_GRACE_MS: '0' },
    { REQUEST_DEADLINE_MS: '1000' },
    { HTTP_PROXY: 'http://p' },
    { ...upstream, HTTP_PROXY: 'http://p', HTTPS_PROXY: 'http://p' },
    { ...upstream, HTTP_PROXY: 'http://p', NO_PROXY: 'mktoapi.com' },
    { ...upstream, MARKETO_SOAP_ENDPOINT: 'http://127.0.0.1:1/', HTTP_PROXY: 'http://p' },
  ])('not with %j', (env) => {
    expect(warningsOf(env)).toEqual([]);
  });
});

describe('replicas', () => {
  test('share what REDIS_URL names, a quarter of the limits each when it is away', () => {
    const { replicas } = configOf({ REDIS_URL: 'rediss://:secret@redis.example.com:6380/1' });
    expect(replicas?.redisUrl.reveal()).toBe('rediss://:secret@redis.example.com:6380/1');
    expect(replicas?.share).toBe(0.25);
    expect(inspect(replicas, { depth: 9 }) + JSON.stringify(replicas)).not.toContain('secret');
  });

  test.each([
    ['0.5', 0.5],
    ['.1', 0.1],
    ['1', 1],
    ['0.333333', 0.333333],
  ])('keep to REPLICA_SHARE %s', (given, share) => {
    expect(configOf({ REDIS_URL: 'redis://r', REPLICA_SHARE: given }).replicas?.share).toBe(share);
  });

  test.each(['0', '0.0', '1.5', '-0.5', '1/3', '50%', 'half', '1e-3'])(
    'cannot have a share of %s',
    (given) => {
      expect(mistakesOf({ REDIS_URL: 'redis://r', REPLICA_SHARE: given })).toEqual([
        `REPLICA_SHARE "${given}" must be a number above 0 and at most 1, such as 0.25`,
      ]);
    },
  );

  test('have no share without a Redis, since it would do nothing', () => {
    expect(mistakesOf({ REPLICA_SHARE: '0.5' })).toEqual([
      expect.stringMatching(/^REPLICA_SHARE .*REDIS_URL/),
    ]);
  });

  test('must have a share of at least one call', () => {
    const env = { REDIS_URL: 'redis://r', REPLICA_SHARE: '0.1', MARKETO_MAX_CALLS_PER_20S: '9' };
    expect(mistakesOf(env)).toEqual([expect.stringMatching(/^REPLICA_SHARE .*MARKETO_MAX_CALLS_PER_20S/)]);
  });

  test.each(['localhost:6379', 'http://localhost', 'redis://'])('cannot meet at %s', (given) => {
    expect(mistakesOf({ REDIS_URL: given })).toEqual(['REDIS_URL must be a URL such as redis://host:6379']);
  });
});

test('a user id or workspace that XML cannot contain is refused', () => {
  const env = { ...upstream, MARKETO_USER_ID: 'a\u0001', MARKETO_DEFAULT_WORKSPACE: 'x'.repeat(256) };
  expect(mistakesOf(env)).toHaveLength(2);
});

test.each([
  ['https://leads.example.com', 'https://leads.example.com'],
  ['https://leads.example.com/', 'https://leads.example.com'],
  ['http://127.0.0.1:8080/marketo/', 'http://127.0.0.1:8080/marketo'],
])('PUBLIC_URL %s is taken without a slash at its end', (given, expected) => {
  expect(configOf({ PUBLIC_URL: given }).publicUrl).toBe(expected);
});

test.each([
  'leads.example.com',
  'ftp://leads.example.com',
  'https://user@leads.example.com',
  'https://leads.example.com/?a=b',
  'https://leads.example.com/#a',
])('PUBLIC_URL %s is refused', (given) => {
  expect(mistakesOf({ PUBLIC_URL: given })).toEqual([
    expect.stringMatching(/^PUBLIC_URL ".*" must be a URL .* without a user, a query or a fragment$/),
  ]);
});

test('a webhook whose secret cannot be read is warned of: each of its deliveries would be refused', () => {
  const key = (name: string, secretFile: string) => ({
    name,
    hash: name.repeat(64),
    kind: 'webhook',
    attributes: ['FirstName'],
    signature: { scheme: 'typeform', secretFile },
  });
  const keys = JSON.stringify({ keys: [key('a', '/run/there'), key('b', '/run/gone')] });
  const result = readConfig({ API_KEYS_FILE: '/keys.json' }, (path) => {
    if (path === '/keys.json') return keys;
    if (path === '/run/there') return 'secret';
    throw Object.assign(new Error('no'), { code: 'ENOENT' });
  });
  expect(result.ok ? result.warnings.filter((one) => one.includes('secret')) : result.mistakes).toEqual([
    'API_KEYS_FILE: the secret of the key b, "/run/gone", does not exist (ENOENT): its webhooks are answered with 503',
  ]);
});
