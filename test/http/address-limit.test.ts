import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { bearer, keysText, ORIGIN, PUBLISHABLE, SECRET, startKeyedGateway } from '../support/gateway.ts';

const headers = (address: string) => ({
  ...bearer(PUBLISHABLE.key),
  origin: ORIGIN,
  'x-forwarded-for': address,
});
const LEAD = { email: 'a@b.c' };

test('with a publishable key without a limit, one address uses up its own share and that of no other', async () => {
  const gateway = await startKeyedGateway([PUBLISHABLE, SECRET], {
    PUBLISHABLE_REQUESTS_PER_MINUTE: '3',
    TRUSTED_PROXIES: '1',
  });
  const put = async (address: string) => (await gateway.putLead(LEAD, { headers: headers(address) })).status;
  for (let request = 0; request < 3; request += 1) expect(await put('192.0.2.1')).toBe(202);
  const refused = await gateway.putLead(LEAD, { headers: headers('192.0.2.1') });
  expect([refused.status, refused.body.detail]).toEqual([
    429,
    expect.stringContaining('This address may make 3 requests in 60 s'),
  ]);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(refused.headers.get('ratelimit-policy')).toBe('"address";q=3;w=60');
  expect(await put('192.0.2.2')).toBe(202);
  // A whole /64 is one client (RFC 4291, 2.5.4).
  for (const last of ['1', '2', '3']) expect(await put(`2001:db8::${last}`)).toBe(202);
  expect(await put('2001:db8::4')).toBe(429);
  for (let request = 0; request < 5; request += 1) {
    expect((await gateway.putLead(LEAD, { headers: bearer(SECRET.key) })).status).toBeLessThan(300);
  }
});

test('a request that its address may not make does not count for the key', async () => {
  const key = { ...PUBLISHABLE, rateLimit: { requestsPerDay: 4 } };
  const gateway = await startKeyedGateway([key], {
    PUBLISHABLE_REQUESTS_PER_MINUTE: '2',
    TRUSTED_PROXIES: '1',
  });
  const put = async (address: string) => (await gateway.putLead(LEAD, { headers: headers(address) })).status;
  const statuses = [];
  for (let request = 0; request < 6; request += 1) statuses.push(await put('192.0.2.1'));
  expect(statuses).toEqual([202, 202, 429, 429, 429, 429]);
  expect([await put('192.0.2.2'), await put('192.0.2.2')]).toEqual([202, 202]);
  expect(await put('192.0.2.3')).toBe(429);
});

test('the limit is on by default, and publishable keys without one of their own are told at the start', () => {
  const warningsOf = (entries: Parameters<typeof keysText>[0], env: Record<string, string> = {}) => {
    const read = readConfig({ API_KEYS_FILE: 'keys.json', ...env }, (path) =>
      path === 'keys.json' ? keysText(entries) : readFileSync(path, 'utf8'),
    );
    if (!read.ok) throw new Error(read.mistakes.join('\n'));
    expect(read.config.access.publishablePerMinute).toBe(60);
    return read.warnings;
  };
  const limited = { ...PUBLISHABLE, rateLimit: { requestsPerSecond: 5 } };
  expect(warningsOf([PUBLISHABLE, SECRET])).toEqual([
    expect.stringMatching(/publishable key web-form has no rateLimit/),
  ]);
  expect(warningsOf([limited, SECRET])).toEqual([]);
  expect(warningsOf([{ ...PUBLISHABLE, enabled: false }])).toEqual([]);
  expect(warningsOf([limited], { PUBLIC_URL: 'https://leads.example' })).toEqual([
    expect.stringMatching(/^TRUSTED_PROXIES/),
  ]);
  expect(warningsOf([limited], { PUBLIC_URL: 'https://leads.example', TRUSTED_PROXIES: '1' })).toEqual([]);
});
