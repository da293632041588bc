import { describe, expect, test } from 'vitest';
import { startTestGateway } from '../support/gateway.ts';
import {
  CLIENT_SECRET,
  refuse,
  type RestBehaviour,
  sendJson,
  startRestUpstream,
  tokenAnswer,
} from '../support/rest-upstream.ts';
import { createVirtualClock, passUntil } from '../support/virtual-clock.ts';
import { EXHAUSTIVE, testEvery } from '../support/exhaustive.ts';

async function start(behaviour: RestBehaviour = {}, env: Readonly<Record<string, string>> = {}) {
  const upstream = await startRestUpstream(behaviour);
  return { upstream, gateway: await startTestGateway({ ...upstream.env, ...env }) };
}

/** The same with a clock that stands still but for `put`; the calls of the day are not asked for. */
async function startVirtual(behaviour: RestBehaviour, env: Readonly<Record<string, string>> = {}) {
  const clock = createVirtualClock();
  const sentAt: number[] = [];
  const upstream = await startRestUpstream({
    ...behaviour,
    token(response, call, nth) {
      sentAt.push(clock.monotonicMs());
      return behaviour.token?.(response, call, nth);
    },
  });
  const gateway = await startTestGateway({ ...upstream.env, ...env }, { random: () => 0, ...clock });
  const put = async (lead: object = { email: 'a@example.com' }) => {
    const answer = await passUntil(clock, gateway.putLead(lead));
    return { ...answer, slug: /[^/]+$/.exec(answer.body.type ?? '')?.[0] };
  };
  return { clock, upstream, gateway, put, sentAt };
}

const living =
  (life: unknown): NonNullable<RestBehaviour['token']> =>
  (response, _, nth) =>
    sendJson(response, tokenAnswer(`token-${nth}`, nth === 0 ? life : 3599));

describe('the token', () => {
  test('is fetched once for leads that come together', async () => {
    const { upstream, gateway } = await start();
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => gateway.putLead({ email: `lead${index}@example.com` })),
    );
    expect(upstream.calls.filter(({ url }) => url.startsWith('/identity/'))).toHaveLength(1);
  });
  test.each(['600', '601', 602])('that is refused with %s is replaced, once', async (code) => {
    const { upstream, gateway } = await start({
      token: (response, _, nth) => sendJson(response, tokenAnswer(`token-${nth}`)),
      call: (response, { headers }) =>
        headers.authorization === 'Bearer token-0' ? refuse(response, code) : undefined,
    });
    expect((await gateway.putLead({ email: 'a@example.com' })).status).toBe(201);
    expect(upstream.calls.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      'Bearer token-0',
      undefined,
      'Bearer token-1',
    ]);
  });
  test('that stays refused is access denied, and the gateway is not ready', async () => {
    const { upstream, gateway } = await start({ call: (response) => refuse(response, '601') });
    const { body } = await gateway.putLead({ email: 'a@example.com' });
    expect(body).toMatchObject({ status: 502, type: expect.stringMatching(/upstream-access-denied$/) });
    expect(upstream.paths()).toHaveLength(1);
    expect((await gateway.request('GET', '/readyz')).status).toBe(503);
  });
  test('that identity does not give is access denied', async () => {
    const { upstream, gateway } = await start({
      token: (response) =>
        sendJson(
          response,
          { error: 'invalid_client', error_description: `Bad client credentials ${CLIENT_SECRET}` },
          401,
        ),
    });
    const { body, text } = await gateway.putLead({ email: 'a@example.com' });
    expect(body).toMatchObject({
      status: 502,
      type: expect.stringMatching(/upstream-access-denied$/),
      upstream: { message: 'Bad client credentials (secret)' },
    });
    expect(text + gateway.logs.join('')).not.toContain(CLIENT_SECRET);
    expect(upstream.paths()).toEqual([]);
    expect((await gateway.request('GET', '/readyz')).status).toBe(503);
  });
  test('is in no log, metric or problem', async () => {
    const { gateway } = await start({
      token: (response) => sendJson(response, tokenAnswer('very-secret-token')),
      call: (response) => refuse(response, '610', 'Access token very-secret-token'),
    });
    const { text, body } = await gateway.putLead({ email: 'a@example.com' });
    expect(body.upstream).toMatchObject({ code: 610, message: 'Access token (secret)' });
    const metrics = await gateway.request('GET', '/metrics');
    expect(text + metrics.text + gateway.logs.join('')).not.toContain('very-secret-token');
  });
});

describe('a token that lives for', () => {
  testEvery(2, [
    [0, 1000],
    [1, 2000],
    [2, 3000],
    [-1, 1000],
    ['0', 1000],
  ])('%j s is waited out, and the next one is used', async (life, ms) => {
    const { put, sentAt, upstream } = await startVirtual({ token: living(life) });
    expect((await put()).status).toBe(201);
    expect(sentAt).toHaveLength(2);
    expect(Number(sentAt[1]) - Number(sentAt[0])).toBeGreaterThanOrEqual(ms);
    expect(Number(sentAt[1]) - Number(sentAt[0])).toBeLessThan(ms + 500);
    expect(upstream.calls.at(-1)?.headers.authorization).toBe('Bearer token-1');
  });
  testEvery(2, [[3], [3599], ['3599'], [1e6]])('%j s is used at once', async (life) => {
    const { put, sentAt, upstream } = await startVirtual({ token: living(life) });
    expect((await put()).status).toBe(201);
    expect(sentAt).toHaveLength(1);
    expect(upstream.calls.at(-1)?.headers.authorization).toBe('Bearer token-0');
  });
  test.each([[0], [2], [-7]])('%j s each time is access denied after three', async (life) => {
    const { put, sentAt, gateway, upstream } = await startVirtual({
      token: (response) => sendJson(response, tokenAnswer('short', life)),
    });
    const { status, slug, body } = await put();
    expect([status, slug, body.retryable]).toEqual([502, 'upstream-access-denied', false]);
    expect(sentAt).toHaveLength(3);
    expect(upstream.paths()).toEqual([]);
    expect((await gateway.request('GET', '/readyz')).status).toBe(503);
  });
  test('less than the deadline allows to wait for: the lead is answered in time', async () => {
    const { put, clock } = await startVirtual(
      { token: (response) => sendJson(response, tokenAnswer('short', 2)) },
      { REQUEST_DEADLINE_MS: '1500', UPSTREAM_TIMEOUT_MS: '1000' },
    );
    const { status, body } = await put();
    expect([status, body.retryable]).toEqual([504, true]);
    expect(clock.monotonicMs()).toBeLessThan(2000);
  });
  test('some seconds is replaced when it has ended, counted from the request', async () => {
    const { clock, put, sentAt } = await startVirtual({
      async token(response, _, nth) {
        if (nth === 0) await clock.advance(2000);
        return sendJson(response, tokenAnswer(`token-${nth}`, 5));
      },
    });
    await put();
    const firstMs = Number(sentAt[0]);
    await clock.advance(firstMs + 4500 - clock.monotonicMs());
    await put({ email: 'b@example.com' });
    expect(sentAt).toHaveLength(1);
    await clock.advance(1000);
    await put({ email: 'c@example.com' });
    expect(sentAt).toHaveLength(2);
  });
});

describe('a token that ends while leads are on their way', () => {
  testEvery(2, ['601', '602'])('(%s) in the middle of a batch: each lead is stored once', async (code) => {
    let isEnded = false;
    const stored: string[] = [];
    const { upstream, gateway } = await start(
      {
        token: (response) => sendJson(response, tokenAnswer(isEnded ? 'token-1' : 'token-0')),
        call(response, { body, headers, url }) {
          if (!url.endsWith('/leads.json')) return undefined;
          if (isEnded && headers.authorization === 'Bearer token-0') return refuse(response, code);
          const { input } = JSON.parse(body);
          // It ends after the first call.
          isEnded = true;
          stored.push(...input.map(({ email }: { readonly email: string }) => email));
          return undefined;
        },
      },
      { MARKETO_MAX_BATCH: '20', MARKETO_MAX_CONCURRENT: '1', MARKETO_MAX_CALLS_PER_20S: '10000' },
    );
    const emails = Array.from({ length: 100 }, (_, n) => `lead${n}@example.com`);
    const answers = await Promise.all(emails.map((email) => gateway.putLead({ email })));
    expect(answers.map(({ status }) => status)).toEqual(Array(100).fill(201));
    expect(stored.toSorted()).toEqual(emails.toSorted());
    expect(upstream.calls.filter(({ url }) => url.startsWith('/identity/'))).toHaveLength(2);
  });

  test('and cannot be replaced: leads that are stored already keep their answers', async () => {
    let isEnded = false;
    const { gateway } = await start(
      {
        token: (response) =>
          isEnded ? sendJson(response, { error: 'unauthorized' }, 401) : sendJson(response, tokenAnswer('t')),
        call: (response, { url }) => (isEnded && url.includes('/v1/') ? refuse(response, '602') : undefined),
      },
      { MARKETO_MAX_CONCURRENT: '1', MARKETO_MAX_CALLS_PER_20S: '10000' },
    );
    expect((await gateway.putLead({ email: 'first@example.com' })).status).toBe(201);
    isEnded = true;
    const [byEmail, byId] = await Promise.all([
      gateway.putLead({ email: 'second@example.com' }),
      gateway.putLead({ id: 5 }),
    ]);
    expect([byEmail?.status, byId?.status]).toEqual([502, 502]);
    expect(byEmail?.body.upstream).toMatchObject({ message: 'unauthorized' });
    isEnded = false;
    expect((await gateway.putLead({ email: 'second@example.com' })).status).toBe(201);
  });

  test('after the lead was stored: the rest of its plan goes on with the next token', async () => {
    const { upstream, gateway } = await start({
      token: (response, _, nth) => sendJson(response, tokenAnswer(`token-${nth}`)),
      call: (response, { url, headers }) =>
        url.includes('/associate') && headers.authorization === 'Bearer token-0'
          ? refuse(response, '602')
          : undefined,
    });
    const marketoCookie = 'id:287-GTJ-838&token:_mch-example.com-1-1';
    expect((await gateway.putLead({ id: 5, marketoCookie })).status).toBe(201);
    expect(upstream.syncs()).toHaveLength(1);
    expect(upstream.paths().filter((path) => path.includes('/associate'))).toHaveLength(2);
  });

  test('after the lead was stored, and identity has no other: the problem says that it was', async () => {
    const { gateway } = await start({
      call: (response, { url }) => (url.includes('/associate') ? refuse(response, '601') : undefined),
    });
    const marketoCookie = 'id:287-GTJ-838&token:_mch-example.com-1-1';
    const { body } = await gateway.putLead({ id: 5, marketoCookie });
    expect(body).toMatchObject({ status: 502, upstream: { code: 601 } });
    expect(body.detail).toMatch(/ The lead was stored \(id 1000001\); its cookie was not linked yet\.$/);
  });
});

describe('a race for the next token', () => {
  /** The API refuses token-0 from all at once, and takes any other. */
  function expired(count: number): RestBehaviour {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let refused = 0;
    return {
      token: (response, _, nth) => sendJson(response, tokenAnswer(`token-${nth}`)),
      async call(response, { headers }) {
        if (headers.authorization !== 'Bearer token-0') return undefined;
        refused += 1;
        if (refused >= count) release();
        await gate;
        return refuse(response, '602');
      },
    };
  }

  test('of calls that are refused together has one fetch', async () => {
    const { upstream, gateway } = await start(expired(5), {
      MARKETO_MAX_BATCH: '1',
      MARKETO_MAX_CONCURRENT: '5',
      MARKETO_MAX_CALLS_PER_20S: '10000',
    });
    const answers = await Promise.all(
      Array.from({ length: 5 }, (_, n) => gateway.putLead({ email: `lead${n}@example.com` })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(201));
    expect(upstream.calls.filter(({ url }) => url.startsWith('/identity/'))).toHaveLength(2);
    expect(upstream.syncs()).toHaveLength(10);
  });

  test('is over for a call that is refused after it: the token that is there is used', async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { upstream, gateway } = await start(
      {
        token: (response, _, nth) => sendJson(response, tokenAnswer(`token-${nth}`)),
        async call(response, { headers, body }) {
          if (headers.authorization !== 'Bearer token-0') return undefined;
          if (body.includes('late@')) await gate;
          return refuse(response, '602');
        },
      },
      { MARKETO_MAX_BATCH: '1' },
    );
    const late = gateway.putLead({ email: 'late@example.com' });
    await expect.poll(() => upstream.paths().length).toBe(1);
    expect((await gateway.putLead({ email: 'early@example.com' })).status).toBe(201);
    release();
    expect((await late).status).toBe(201);
    expect(upstream.calls.filter(({ url }) => url.startsWith('/identity/'))).toHaveLength(2);
  });

  test('of two gateways ends with one token for both', async () => {
    let current = 'token-0';
    const upstream = await startRestUpstream({
      token: (response) => sendJson(response, tokenAnswer(current)),
      call: (response, { headers, url }) =>
        url.includes('/v1/') && headers.authorization !== `Bearer ${current}`
          ? refuse(response, '602')
          : undefined,
    });
    const [one, other] = [await startTestGateway(upstream.env), await startTestGateway(upstream.env)];
    for (const name of ['first', 'second', 'third']) {
      const answers = await Promise.all(
        [one, other].map((gateway, n) => gateway.putLead({ email: `${name}${n}@example.com` })),
      );
      expect(answers.map(({ status }) => status)).toEqual([201, 201]);
      current = `token of ${name}`.replaceAll(' ', '-');
    }
  });
});

test('identity that does not answer is a time-out for all that wait for the token', EXHAUSTIVE, async () => {
  const upstream = await startRestUpstream({ token: () => true });
  const gateway = await startTestGateway(
    {
      ...upstream.env,
      UPSTREAM_TIMEOUT_MS: '400',
      REQUEST_DEADLINE_MS: '10000',
      MARKETO_MAX_CONCURRENT: '10',
    },
    { random: () => 0 },
  );
  const answers = await Promise.all(
    Array.from({ length: 3 }, (_, n) => gateway.putLead({ email: `lead${n}@example.com` })),
  );
  for (const { status, body } of answers) {
    expect([status, body.retryable]).toEqual([504, true]);
    expect(body.detail).not.toContain('whether the lead was saved is not known');
  }
  expect(upstream.paths()).toEqual([]);
});
