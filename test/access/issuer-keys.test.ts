import { generateKeyPairSync } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { EC, type Issuer, type IssuerMode, RSA, signToken } from '../../checks/security/issuer.mjs';
import type { Fetch } from '../../src/access/key-set.ts';
import { createTokenVerifier } from '../../src/access/jwt.ts';
import { bearer, startTestGateway } from '../support/gateway.ts';
import { startIssuer } from '../support/issuer.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { testEvery } from '../support/exhaustive.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.UTC(2026, 0, 15, 12);

/** A verifier in virtual time, in front of a real address with the keys. */
async function start() {
  const issuer = await startIssuer();
  const clock = createVirtualClock();
  const logged: string[] = [];
  const fetches = { running: 0 };
  /** All of a response at once, so that the test knows when nothing is under way. */
  const fetchWhole: Fetch = async (url, init) => {
    fetches.running += 1;
    try {
      const response = await fetch(url, init);
      return new Response(await response.arrayBuffer(), { status: response.status });
    } finally {
      fetches.running -= 1;
    }
  };
  /** Lets time pass in steps, each long enough for a fetch unless the address hangs, and shorter than a fetch may take. */
  const pass = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += 4000) {
      await clock.advance(4000);
      while (fetches.running > 0 && !issuer.hangs()) await turn();
      await turn();
    }
  };
  const note = (_fields: object, message: string) => void logged.push(message);
  const tokens = createTokenVerifier(
    {
      issuer: issuer.settings.issuer,
      audiences: [issuer.settings.audience],
      audienceClaim: 'aud',
      scopePrefix: '',
      jwksUrl: new URL(issuer.url),
    },
    { clock, random: () => 0.5, logger: { info: note, warn: note }, fetch: fetchWhole },
  );
  onTestFinished(tokens.close);
  let guesses = 0;
  const guess = async () => void (guesses += 1);
  const token = (kid = 'one', key = RSA.privateKey) => tokenOf(issuer, kid, key, clock.now());
  /** Its outcome: `ok`, what it is refused for, or `unavailable`. */
  const outcome = (text: string) =>
    tokens.verify(text, guess).then(
      (verdict) => (verdict.ok ? 'ok' : verdict.refusal),
      (error: { code?: string }) => error.code,
    );
  return { issuer, clock, pass, tokens, token, outcome, logged, guesses: () => guesses };
}

function tokenOf(
  { settings: { issuer, audience } }: Issuer,
  kid: string,
  key: typeof RSA.privateKey,
  nowMs: number,
) {
  const claims = {
    iss: issuer,
    aud: audience,
    exp: Math.floor(nowMs / 1000) + 2 * 86_400,
    scope: 'leads:write metrics:read',
  };
  return signToken(JSON.stringify({ alg: 'RS256', kid }), JSON.stringify(claims), key);
}

describe('while the keys cannot be fetched', () => {
  testEvery<[string, IssuerMode]>(4, [
    ['it fails', 500],
    ['it is gone', 404],
    ['it has moved', 302],
    ['it is a page', { text: '<html>' }],
    ['it has no keys', { text: '{}' }],
    ['its keys are not a list', { text: '{"keys":1}' }],
    ['it is too long', { text: '{"keys":[]}'.padEnd(1_100_000) }],
    ['it hangs', 'hangs'],
  ])('because %s, known keys stay in force for an hour and no token waits', async (_why, mode) => {
    const { issuer, pass, token, outcome, tokens, logged } = await start();
    expect(await outcome(token())).toBe('ok');
    issuer.answerWith(mode);
    for (let minute = 0; minute < 60; minute += 4) {
      await pass(4 * MINUTE);
      expect(await outcome(token())).toBe('ok');
    }
    // Every 45 s, three quarters of a minute, after the first.
    expect(issuer.fetches()).toBeGreaterThan(10);
    expect(issuer.fetches()).toBeLessThan(90);
    expect(tokens.warnings().join()).toContain('JWT_JWKS_URL cannot be fetched');
    issuer.answerWith('up');
    await pass(MINUTE);
    expect(tokens.warnings()).toEqual([]);
    expect(logged).toEqual([
      'the keys at JWT_JWKS_URL cannot be fetched',
      'the keys at JWT_JWKS_URL can be fetched again',
    ]);
  });

  test('the first token after a pause waits for 5 s at the most', async () => {
    const { issuer, clock, token, outcome } = await start();
    await outcome(token());
    issuer.answerWith('hangs');
    await clock.advance(HOUR);
    const first = outcome(token());
    await expect.poll(issuer.fetches).toBe(2);
    await clock.advance(5000);
    expect([await first, await outcome(token())]).toEqual(['ok', 'ok']);
  });

  test('known keys do not stay for longer than 12 hours', async () => {
    const { issuer, clock, token, outcome, tokens } = await start();
    await outcome(token());
    issuer.answerWith(503);
    await clock.advance(11.9 * HOUR);
    expect(await outcome(token())).toBe('ok');
    await clock.advance(0.2 * HOUR);
    expect(await outcome(token())).toBe('unavailable');
    expect(tokens.warnings()).toEqual([expect.stringContaining('tokens are refused')]);
  });

  test('a key that the issuer removed meanwhile goes within a minute of its return', async () => {
    const { issuer, pass, token, outcome } = await start();
    await outcome(token());
    issuer.answerWith(500);
    await pass(10 * MINUTE);
    expect(await outcome(token())).toBe('ok');
    await pass(10 * MINUTE);
    issuer.publish({});
    issuer.answerWith('up');
    await pass(MINUTE);
    expect(await outcome(token())).toBe('token-key');
  });

  test.each<IssuerMode>([500, 'hangs'])(
    'made-up tokens cause no fetch each, and each is counted: %s',
    async (mode) => {
      const { issuer, clock, token, outcome, guesses } = await start();
      issuer.answerWith(mode);
      // No one gets to look at the signature, and this kind takes a tenth of the time.
      const outcomes = Array.from({ length: 200 }, (_, index) =>
        outcome(token(`made-up-${index}`, EC.privateKey)),
      );
      await expect.poll(issuer.fetches).toBe(1);
      await clock.advance(5000);
      expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['unavailable']));
      expect(guesses()).toBe(200);
      const later = Array.from({ length: 200 }, (_, index) =>
        outcome(token(`later-${index}`, EC.privateKey)),
      );
      await clock.advance(5000);
      await Promise.all(later);
      expect(guesses()).toBe(400);
      // At once, and after each pause.
      expect(issuer.fetches()).toBeLessThan(6);
    },
  );
});

describe('while the keys can be fetched', () => {
  test('tokens that come at once cause one fetch', async () => {
    const { issuer, token, outcome } = await start();
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => outcome(token())));
    expect(new Set(outcomes)).toEqual(new Set(['ok']));
    expect(issuer.fetches()).toBe(1);
  });

  test('a key that the issuer has removed goes with the next fetch', async () => {
    const { issuer, clock, token, outcome } = await start();
    expect(await outcome(token())).toBe('ok');
    issuer.publish({});
    await clock.advance(10 * MINUTE);
    expect(await outcome(token())).toBe('token-key');
  });

  test('a new key is fetched when its first token comes', async () => {
    const { issuer, clock, token, outcome } = await start();
    await outcome(token());
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    issuer.publish({ one: RSA.privateKey, next: privateKey });
    await clock.advance(10_000);
    expect(await outcome(token('next', privateKey))).toBe('ok');
    expect(issuer.fetches()).toBe(2);
  });

  test('a flood of unknown key ids causes a fetch in ten seconds at the most', async () => {
    const { issuer, clock, token, outcome } = await start();
    await outcome(token());
    // No one gets to look at the signature, and this kind takes a tenth of the time.
    const outcomes = new Set<string | undefined>();
    for (let second = 0; second < 60; second += 1) {
      for (let index = 0; index < 20; index += 1)
        outcomes.add(await outcome(token(`${second}-${index}`, EC.privateKey)));
      await clock.advance(1000);
    }
    expect([...outcomes]).toEqual(['token-key']);
    expect(issuer.fetches()).toBeLessThanOrEqual(6);
    expect(await outcome(token())).toBe('ok');
  });

  test('an unknown key id that comes again and again causes a fetch in half a minute at the most', async () => {
    const { issuer, clock, token, outcome } = await start();
    for (let second = 0; second < 120; second += 1) {
      await outcome(token('retired'));
      await clock.advance(1000);
    }
    expect(issuer.fetches()).toBeLessThanOrEqual(5);
  });

  test('a key that cannot verify is no reason to fetch', async () => {
    const { issuer, token, outcome } = await start();
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    issuer.publish({ one: privateKey });
    expect([await outcome(token('one', privateKey)), await outcome(token('one', privateKey))]).toEqual([
      'token-key',
      'token-key',
    ]);
    expect(issuer.fetches()).toBe(1);
  });
});

describe('a gateway', () => {
  const envOf = ({ url, settings }: Issuer) => ({
    JWT_ISSUER: settings.issuer,
    JWT_AUDIENCE: settings.audience,
    JWT_JWKS_URL: url,
  });
  const LEAD = { email: 'jane@example.com' };

  test.each([10 * MINUTE, HOUR])('takes tokens while the keys have been away for %d ms', async (awayMs) => {
    const issuer = await startIssuer();
    let passedMs = 0;
    const now = () => START + passedMs;
    const gateway = await startTestGateway(envOf(issuer), { now, monotonicMs: () => passedMs });
    const put = async () => {
      const token = tokenOf(issuer, 'one', RSA.privateKey, now());
      return (await gateway.putLead(LEAD, { headers: bearer(token) })).status;
    };
    expect(await put()).toBe(201);
    issuer.answerWith(500);
    passedMs += awayMs;
    expect([await put(), await put()]).toEqual([200, 200]);
    const { body } = await gateway.request('GET', '/readyz');
    expect(body).toMatchObject({ status: 'ready', warnings: [expect.stringContaining('JWT_JWKS_URL')] });
    const { text } = await gateway.request('GET', '/metrics', {
      headers: bearer(tokenOf(issuer, 'one', RSA.privateKey, now())),
    });
    expect(text).toMatch(/^lead_gateway_token_keys_failing 1$/m);
  });

  test('counts made-up tokens by address before it fetches anything', async () => {
    const issuer = await startIssuer();
    issuer.answerWith(500);
    const clock = createVirtualClock();
    const gateway = await startTestGateway({ ...envOf(issuer), AUTH_FAILURES_PER_MINUTE: '3' }, clock);
    const statuses = [];
    for (let index = 0; index < 10; index += 1) {
      const token = tokenOf(issuer, `made-up-${index}`, RSA.privateKey, clock.now());
      statuses.push((await gateway.putLead(LEAD, { headers: bearer(token) })).status);
    }
    expect(statuses).toEqual([503, 503, 503, ...Array.from({ length: 7 }, () => 429)]);
    expect(issuer.fetches()).toBe(1);
  });
});
