import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/files.ts';
import { CONFIG_VARIABLES as NAMES } from '../../src/config/schema.ts';
import { findUnknown } from '../../src/config/unknown-variables.ts';
import { ENVIRONMENTS } from './environments.ts';
import { testEvery } from '../support/exhaustive.ts';

const CONFIG_VARIABLES: readonly string[] = NAMES;

const NONE: ReadonlyMap<string, string> = new Map();

testEvery(3, [
  ['MARKETO_SOAP_ENDPIONT', 'MARKETO_SOAP_ENDPOINT'],
  ['MARKETO_ENDPOINT', 'MARKETO_REST_ENDPOINT'],
  ['SOAP_ENDPOINT', 'MARKETO_SOAP_ENDPOINT'],
  ['MARKETO_ENCRYPTION_KEY_FIEL', 'MARKETO_ENCRYPTION_KEY_FILE'],
  ['ENCRYPTION_KEY', 'MARKETO_ENCRYPTION_KEY'],
  ['MARKETO_USERID', 'MARKETO_USER_ID'],
  ['marketo_user_id', 'MARKETO_USER_ID'],
  ['MARKETO-USER-ID', 'MARKETO_USER_ID'],
  ['API_KEY_FILE', 'API_KEYS_FILE'],
  ['API_KEYS', 'API_KEYS_FILE'],
  ['API_KEY', 'API_KEYS_FILE'],
  ['APIKEYS_FILE', 'API_KEYS_FILE'],
  ['JWT_JWKS_URI', 'JWT_JWKS_URL'],
  ['JWKS_URL', 'JWT_JWKS_URL'],
  ['JWT_AUD', 'JWT_AUDIENCE'],
  ['CORS_ORIGIN', 'CORS_ORIGINS'],
  ['CORS_ALLOWED_ORIGINS', 'CORS_ORIGINS'],
  ['REDIS_URI', 'REDIS_URL'],
  ['LOGLEVEL', 'LOG_LEVEL'],
  ['Log_Level', 'LOG_LEVEL'],
  ['port', 'PORT'],
  ['TRUSTED_PROXY', 'TRUSTED_PROXIES'],
  ['TRUST_PROXY', 'TRUSTED_PROXIES'],
  ['ALLOW_UNAUTHENTICATE', 'ALLOW_UNAUTHENTICATED'],
  ['SANDBOX_STATE', 'SANDBOX_STATE_FILE'],
  ['OUTBOX_MAX_AGE', 'OUTBOX_MAX_AGE_HOURS'],
  ['OTEL_EXPORTER_OTLP_ENDPIONT', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
  ['HTTPS_PROXI', 'HTTPS_PROXY'],
  ['HTTPSPROXY', 'HTTPS_PROXY'],
  ['Https_Proxy', 'HTTPS_PROXY'],
  ['https_prxy', 'HTTPS_PROXY'],
  ['HTTP_PROYX', 'HTTP_PROXY'],
  ['NO_PROXI', 'NO_PROXY'],
  ['NOPROXY', 'NO_PROXY'],
  ['ALL_PROXIES', 'ALL_PROXY'],
  ['KEEP_ALIVE_TIMEOUT', 'KEEP_ALIVE_TIMEOUT_MS'],
  ['KEEPALIVE_TIMEOUT', 'KEEP_ALIVE_TIMEOUT_MS'],
  ['KEEP_ALIVE_TIMEOUT_SECONDS', 'KEEP_ALIVE_TIMEOUT_MS'],
  ['KEEP_ALIVE_TIMEOUT_FILE', 'KEEP_ALIVE_TIMEOUT_MS_FILE'],
  ['REQUEST_DEADLIN', 'REQUEST_DEADLINE_MS'],
  ['AUTH_FAILURES_PER_HOUR', 'AUTH_FAILURES_PER_MINUTE'],
  ['MAX_BUFFERED_BODY_MB', 'MAX_BUFFERED_BODY_BYTES'],
  ['MAX_HELD_BYTES', 'MAX_BUFFERED_BODY_BYTES'],
  ['SHUTDOWN_SETTLE_MS', 'SHUTDOWN_DELAY_MS'],
  ['DISPATCH_MAX_QUEUED', 'MAX_QUEUED_LEADS'],
])('%s is a mistake: did you mean %s?', (name, meant) => {
  const read = readConfig({ [name]: 'x' }, () => '');
  expect(read.ok).toBe(false);
  expect(read.ok ? [] : read.mistakes).toEqual([
    `${name} is not read by the gateway; did you mean ${meant}?`,
  ]);
});

testEvery(2, ['MARKETO_FLAVOUR', 'JWT_PRIVATE_KEY', 'OUTBOX_COLOUR', 'SANDBOX_COLOUR'])(
  '%s, which may be for another program, is a warning',
  (name) => {
    expect(findUnknown({ [name]: 'x' }, NONE)).toEqual({
      mistakes: [],
      warnings: [`${name} is not read by the gateway`],
    });
  },
);

testEvery(
  3,
  CONFIG_VARIABLES.filter((name) => /_(?:MS|BYTES|PER_[A-Z0-9]+)$/.test(name)),
)('%s without its unit is a mistake', (name) => {
  const bare = name.replace(/_(?:MS|BYTES|PER_[A-Z0-9]+)$/, '');
  expect(findUnknown({ [bare]: '620' }, NONE).mistakes).toEqual([
    expect.stringContaining(`did you mean ${bare}_`),
  ]);
});

test.each(['HTTPS_PROXY', 'no_proxy', 'OTEL_TRACES_EXPORTER'])(
  '%s is read from no file, and its _FILE says so',
  (name) => {
    expect(findUnknown({ [`${name.toUpperCase()}_FILE`]: '/x' }, NONE).mistakes).toEqual([
      `${name.toUpperCase()}_FILE is not read by the gateway: ${name.toUpperCase()} is not read from a file`,
    ]);
  },
);

test('a slip beside the proxy variable in lower case is for something else', () => {
  expect(findUnknown({ https_proxy: 'http://p', HTTPSPROXY: 'http://p' }, NONE).mistakes).toEqual([]);
});

test('the munchkin id is part of the endpoint', () => {
  expect(findUnknown({ MARKETO_MUNCHKIN_ID: 'x' }, NONE).mistakes[0]).toContain('MARKETO_REST_ENDPOINT');
});

testEvery(3, [...CONFIG_VARIABLES])('every misspelling of %s by one letter is close to a name', (name) => {
  if (name.length < 8) return;
  for (let at = 1; at < name.length; at += 1) {
    const missing = name.slice(0, at) + name.slice(at + 1);
    const swapped = name.slice(0, at - 1) + name[at] + name[at - 1] + name.slice(at + 1);
    for (const wrong of [missing, swapped]) {
      if (CONFIG_VARIABLES.includes(wrong.replace(/_FILE$/, '')) || CONFIG_VARIABLES.includes(wrong))
        continue;
      expect(findUnknown({ [wrong]: 'x' }, NONE).mistakes).toEqual([expect.stringContaining(wrong)]);
    }
  }
});

describe('the environment of', () => {
  testEvery(3, Object.entries(ENVIRONMENTS))('%s is accepted without a warning', (_where, env) => {
    expect(findUnknown(env, NONE)).toEqual({ mistakes: [], warnings: [] });
  });
});

test('a similar variable beside the right one is for something else', () => {
  const env: Environment = {
    REDIS_URL: 'redis://r',
    REDIS_URI: 'redis://r',
    LOG_LEVEL: 'info',
    LOGLEVEL: 'x',
  };
  expect(findUnknown(env, NONE).mistakes).toEqual([]);
});

test('set but empty is not set', () => {
  expect(findUnknown({ MARKETO_SOAP_ENDPIONT: '', API_KEYS: '' }, NONE).mistakes).toEqual([]);
});

test('in a file for the gateway less must match, and unknown names are reported', () => {
  const inFile = (name: string) => findUnknown({ [name]: 'x' }, new Map([[name, '.env']]));
  expect(inFile('PROT').mistakes).toEqual(['PROT (in .env) is not read by the gateway; did you mean PORT?']);
  expect(inFile('USER_ID').mistakes[0]).toContain('MARKETO_USER_ID');
  expect(inFile('POSTGRES_PASSWORD')).toEqual({
    mistakes: [],
    warnings: ['POSTGRES_PASSWORD (in .env) is not read by the gateway'],
  });
  expect(inFile('NODE_EXTRA_CA_CERTS').mistakes[0]).toContain('set it in the environment');
  expect(inFile('OTEL_SERVICE_NAME')).toEqual({ mistakes: [], warnings: [] });
});

test('a variable of an earlier version is reported with what to do instead', () => {
  expect(findUnknown({ LOG_PRETTY: 'true' }, new Map())).toEqual({
    mistakes: [],
    warnings: ['LOG_PRETTY is not read by the gateway; pipe the log through npx pino-pretty'],
  });
});
