import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createMemoryLimiter, createRedisLimiter, rateLimitHeaders } from '../../src/access/rate-limiter.ts';
import { putLead, problemType } from '../support/client.ts';
import { bearer, type Entry, SECRET, startKeyedGateway } from '../support/gateway.ts';
import { TEST_KEYS } from '../support/recordings.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const LEAD = { email: 'a@b.c' };

/** A gateway whose clock stands still until it is set forward. */
async function startStill(entries: readonly Entry[], env: Readonly<Record<string, string>> = {}) {
  let nowMs = 0;
  const gateway = await startKeyedGateway(entries, env, { monotonicMs: () => nowMs });
  return { ...gateway, tick: (ms: number) => void (nowMs += ms) };
}

describe('a limit of a key', () => {
  test('is told in every answer, and refuses what is over it', async () => {
    const rateLimit = { requestsPerSecond: 1, burst: 20, requestsPerDay: 1000 };
    const gateway = await startStill([{ ...SECRET, rateLimit }]);
    const answers = [];
    for (let count = 0; count < 21; count += 1) {
      answers.push(await gateway.putLead(LEAD, { headers: bearer(SECRET.key) }));
    }
    expect(answers.map(({ status }) => status)).toEqual([201, ...Array.from({ length: 19 }, () => 200), 429]);
    expect(answers[0]?.headers.get('ratelimit-policy')).toBe('"burst";q=20;w=20, "day";q=1000;w=86400');
    const told = answers.map(({ headers }) => headers.get('ratelimit'));
    expect(told[0]).toBe('"burst";r=19;t=20, "day";r=999;t=86400');
    expect(told[19]).toBe('"burst";r=0;t=20, "day";r=980;t=86400');
    const refused = answers[20];
    expect([told[20], refused?.headers.get('retry-after')]).toEqual(['"burst";r=0;t=20', '20']);
    expect(refused?.body).toMatchObject({
      type: problemType('rate-limited'),
      retryable: true,
      detail: 'This key may make 20 requests in 20 s; send the request again after the time in Retry-After.',
    });
  });

  test('ends by itself', async () => {
    const gateway = await startStill([{ ...SECRET, rateLimit: { requestsPerSecond: 1 } }]);
    const put = async () => (await gateway.putLead(LEAD, { headers: bearer(SECRET.key) })).status;
    const statuses = [await put(), await put()];
    gateway.tick(1000);
    statuses.push(await put());
    expect(statuses).toEqual([201, 429, 200]);
  });

  test.each([
    ['back', -3_600_000],
    ['forward', 3_600_000],
  ])('neither lasts longer nor ends earlier when the clock is set %s by an hour', async (_way, jumpMs) => {
    const gateway = await startStill([{ ...SECRET, rateLimit: { requestsPerSecond: 1, burst: 60 } }]);
    const put = () => gateway.putLead(LEAD, { headers: bearer(SECRET.key) });
    await Promise.all(Array.from({ length: 60 }, put));
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    vi.setSystemTime(Date.now() + jumpMs);
    const { status, headers } = await put();
    expect([status, headers.get('retry-after')]).toEqual([429, '60']);
    expect(headers.get('ratelimit')).toBe('"burst";r=0;t=60');
  });

  test('a day is 24 hours from the first request', async () => {
    const gateway = await startStill([{ ...SECRET, rateLimit: { requestsPerDay: 1 } }]);
    const put = () => gateway.putLead(LEAD, { headers: bearer(SECRET.key) });
    const answers = [await put(), await put()];
    expect(answers.map(({ status }) => status)).toEqual([201, 429]);
    expect(answers[1]?.headers.get('retry-after')).toBe('86400');
    expect(answers[1]?.body.detail).toContain('1 request in 24 hours');
  });

  test('is for that key alone', async () => {
    const rateLimit = { requestsPerDay: 1 };
    const gateway = await startStill([
      { ...SECRET, rateLimit },
      { ...SECRET, name: 'second', key: TEST_KEYS.other, rateLimit },
    ]);
    const statuses = [];
    for (const key of [SECRET.key, TEST_KEYS.other, SECRET.key, TEST_KEYS.other]) {
      statuses.push((await gateway.putLead(LEAD, { headers: bearer(key) })).status);
    }
    expect(statuses).toEqual([201, 200, 429, 429]);
  });
});

describe('requests without valid credentials', () => {
  test('are limited by address; requests with a valid key are not', async () => {
    const gateway = await startStill([SECRET], { AUTH_FAILURES_PER_MINUTE: '2' });
    const put = (key: string) => gateway.putLead(LEAD, { headers: bearer(key) });
    const answers = [await put('a'), await put('b'), await put('c'), await put(SECRET.key)];
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 429, 201]);
    // A minute from the first of them.
    expect(answers[2]?.headers.get('retry-after')).toBe('60');
    expect(answers[2]?.body.detail).toMatch(/^Too many requests without valid credentials/);
  });

  test.each([
    ['0', [401, 429]],
    ['1', [401, 401]],
  ])('are counted by X-Forwarded-For behind %s proxies that may be believed', async (proxies, expected) => {
    const gateway = await startStill([SECRET], {
      AUTH_FAILURES_PER_MINUTE: '1',
      TRUSTED_PROXIES: proxies,
    });
    const statuses = [];
    for (const address of ['192.0.2.1', '192.0.2.2']) {
      const answer = await putLead(gateway.url, LEAD, { 'x-forwarded-for': address });
      statuses.push(answer.status);
    }
    expect(statuses).toEqual(expected);
  });
});

describe('the limiter', () => {
  test('takes as many as the policy says from each, and no more', async () => {
    const limiter = createMemoryLimiter();
    const policy = { name: 'burst', requests: 3, windowSeconds: 60 };
    const takes = await Promise.all(['a', 'a', 'a', 'a', 'b'].map((who) => limiter.take(policy, who)));
    expect(takes.map(({ allowed }) => allowed)).toEqual([true, true, true, false, true]);
    expect(rateLimitHeaders(takes.slice(0, 1))).toEqual({
      'RateLimit-Policy': '"burst";q=3;w=60',
      RateLimit: '"burst";r=2;t=60',
    });
  });

  test('starts a window with the first request after the last one, whatever happened meanwhile', async () => {
    const clock = createVirtualClock();
    const limiter = createMemoryLimiter(clock);
    const policy = { name: 'burst', requests: 2, windowSeconds: 2 };
    const take = async () => {
      const { allowed, remaining, resetSeconds } = await limiter.take(policy, 'a');
      return [allowed, remaining, resetSeconds];
    };
    const taken = [];
    for (const ms of [0, 1500, 499, 1, 10_000]) {
      await clock.advance(ms);
      taken.push(await take());
    }
    expect(taken).toEqual([
      [true, 1, 2],
      [true, 0, 1],
      [false, 0, 1],
      [true, 1, 2],
      [true, 1, 2],
    ]);
  });

  test('forgets the oldest of 100,000 addresses before it takes more memory', EXHAUSTIVE, async () => {
    const clock = createVirtualClock();
    const limiter = createMemoryLimiter(clock);
    const policy = { name: 'failures', requests: 1, windowSeconds: 60 };
    for (let index = 0; index < 100_100; index += 1) await limiter.take(policy, `address-${index}`);
    const standings = [];
    for (const who of ['address-100099', 'address-0'])
      standings.push((await limiter.take(policy, who)).allowed);
    expect(standings).toEqual([false, true]);
  });

  test('counts alone while Redis gives no answer', async () => {
    const clock = createVirtualClock();
    const limiter = createRedisLimiter({ send: () => new Promise(() => {}) }, clock);
    const policy = { name: 'burst', requests: 1, windowSeconds: 60 };
    const takes = [limiter.take(policy, 'a'), limiter.take(policy, 'a')];
    await clock.advance(500);
    expect((await Promise.all(takes)).map(({ allowed }) => allowed)).toEqual([true, false]);
  });
});
