import { describe, expect, test } from 'vitest';
import { identity, type RestAnswer, type RestClient, restClient } from '../../support/rest.ts';
import { email, startStillSandbox, type StillSandbox } from '../../support/sandbox.ts';
import { createVirtualClock, untilTimers } from '../../support/virtual-clock.ts';
import { testEvery } from '../../support/exhaustive.ts';

type Started = { readonly sandbox: StillSandbox; readonly rest: RestClient };

async function start(limits: object = {}): Promise<Started> {
  const sandbox = await startStillSandbox({ limits: {} });
  await sandbox.control('PUT', '/rest-limits', limits);
  const rest = restClient(sandbox);
  await rest.token();
  return { sandbox, rest };
}

const call = (rest: RestClient) => rest.request('GET', '/leads/partitions.json');
const errorOf = ({ status, json }: RestAnswer) => [
  status,
  `${json.errors?.[0].code} ${json.errors?.[0].message}`,
];
const usedToday = async ({ sandbox }: Started) => (await sandbox.control('GET', '/rest-limits')).used.today;

describe('the limits', () => {
  test('are 100 calls in 20 seconds, 10 at a time and 50,000 a day', async () => {
    const { sandbox } = await start();
    const { limits, enabled, dayEndsAt } = await sandbox.control('GET', '/rest-limits');
    expect(limits).toMatchObject({ callsPer20Seconds: 100, concurrentCalls: 10, callsPerDay: 50_000 });
    expect([enabled, dayEndsAt]).toEqual([true, '2026-03-03T06:00:00.000Z']);
  });

  test('100 calls in 20 seconds are answered, the next is 606; after 20 seconds there is room', async () => {
    const { sandbox, rest } = await start();
    for (let count = 0; count < 100; count++) expect((await call(rest)).json.success).toBe(true);
    expect(errorOf(await call(rest))).toEqual([200, "606 Max rate limit '100' exceeded with in '20' secs"]);
    sandbox.tick(19_999);
    expect((await call(rest)).code).toBe('606');
    sandbox.tick(1);
    expect((await call(rest)).json.success).toBe(true);
  });

  test('the text names the limit that is set', async () => {
    const { rest } = await start({ callsPer20Seconds: 0 });
    expect(errorOf(await call(rest))[1]).toBe("606 Max rate limit '0' exceeded with in '20' secs");
  });

  test('when the calls of the day are used up: 607 until midnight US Central', async () => {
    const { sandbox, rest } = await start({ callsPerDay: 2 });
    await call(rest);
    await call(rest);
    expect(errorOf(await call(rest))).toEqual([200, '607 Daily quota reached']);
    sandbox.tick(18 * 3_600_000 - 1);
    const late = restClient(sandbox);
    expect((await call(late)).code).toBe('607');
    sandbox.tick(1);
    expect((await call(late)).json.success).toBe(true);
  });

  test('10 at a time are answered, the eleventh is 615; a call holds its place until it ends', async () => {
    const timers = createVirtualClock();
    const sandbox = await startStillSandbox({ limits: {}, processingMs: 50, timers });
    const rest = restClient(sandbox);
    await rest.token();
    const find = () => rest.request('GET', '/leads.json?filterType=id&filterValues=1');
    const running = Array.from({ length: 10 }, find);
    await untilTimers(timers, 10);
    expect(errorOf(await find())).toEqual([200, "615 Concurrent access limit '10' reached"]);
    await timers.advance(50);
    expect((await Promise.all(running)).map(({ json }) => json.success)).toEqual(Array(10).fill(true));
    expect((await call(rest)).json.success).toBe(true);
  });

  test('a call whose client has left holds its place until it ends', async () => {
    const timers = createVirtualClock();
    const sandbox = await startStillSandbox({ limits: {}, timers });
    await sandbox.control('PUT', '/rest-limits', { concurrentCalls: 1 });
    const rest = restClient(sandbox);
    const token = await rest.token();
    await sandbox.control('POST', '/next', { processingMs: 90_000 });
    const controller = new AbortController();
    const left = fetch(`${sandbox.url}/rest/v1/leads.json`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: '{"input":[{"email":"a@example.com"}]}',
      signal: controller.signal,
    });
    await untilTimers(timers, 1);
    controller.abort();
    await expect(left).rejects.toThrow('aborted');
    await timers.advance(89_999);
    expect((await call(rest)).code).toBe('615');
    await timers.advance(1);
    expect((await call(rest)).json.success).toBe(true);
    // The connection that was left is closed by force.
    const closed = sandbox.close();
    await timers.advance(500);
    await closed;
  });

  test('the day goes before the rate, the rate before the places', async () => {
    const { sandbox, rest } = await start({ callsPerDay: 0, callsPer20Seconds: 0, concurrentCalls: 0 });
    expect((await call(rest)).code).toBe('607');
    await sandbox.control('PUT', '/rest-limits', { callsPerDay: 9 });
    expect((await call(rest)).code).toBe('606');
    await sandbox.control('PUT', '/rest-limits', { callsPer20Seconds: 9 });
    expect((await call(rest)).code).toBe('615');
    await sandbox.control('PUT', '/rest-limits', { enabled: false });
    expect((await call(rest)).json.success).toBe(true);
  });
});

describe('what counts as a call of the day', () => {
  test('answers and refusals do', async () => {
    const started = await start();
    const { rest } = started;
    for (const request of [
      () => call(rest),
      () => rest.request('GET', '/pants.json'),
      () => rest.request('POST', '/leads.json', { body: '{' }),
      () => rest.request('POST', '/leads.json', { body: 'x', headers: { 'Content-Type': 'text/plain' } }),
      () => rest.sync([]),
      () => rest.request('GET', '/leads/partitions.json', { headers: { Authorization: '' } }),
    ]) {
      const before = await usedToday(started);
      await request();
      expect(await usedToday(started)).toBe(before + 1);
    }
  });

  testEvery(3, ['606', '607', '615', '603', '610', '713', '1003'])('a queued %s does', async (code) => {
    const started = await start();
    await started.sandbox.control('POST', '/next', { error: { code } });
    expect((await call(started.rest)).code).toBe(code);
    expect(await usedToday(started)).toBe(1);
  });

  testEvery(3, ['600', '601', '602', '604', '605', '608', 611])('a queued %s does not', async (code) => {
    const started = await start();
    await started.sandbox.control('POST', '/next', { error: { code } });
    expect((await call(started.rest)).code).toBe(code);
    expect(await usedToday(started)).toBe(0);
  });

  test('601, 602, 605, the refusals of the proxy and requests for tokens do not', async () => {
    const started = await start();
    const { sandbox, rest } = started;
    await identity(sandbox.url);
    await identity(sandbox.url, { query: '' });
    await rest.request('GET', '/leads/partitions.json', { headers: { Authorization: 'Bearer x' } });
    await rest.request('PUT', '/leads.json');
    await rest.request('GET', `/leads.json?x=${'x'.repeat(9000)}`);
    await rest.request('POST', '/leads.json', { body: `"${'x'.repeat(1_100_000)}"` });
    await sandbox.control('DELETE', '/token');
    expect((await call(rest)).code).toBe('602');
    expect(await usedToday(started)).toBe(0);
  });

  test('a call over a limit counts for the day and not for the 20 seconds', async () => {
    const { sandbox, rest } = await start({ callsPer20Seconds: 1 });
    for (let count = 0; count < 5; count++) await call(rest);
    expect((await sandbox.control('GET', '/rest-limits')).used).toEqual({
      today: 5,
      last20Seconds: 1,
      concurrent: 0,
    });
  });
});

describe('REST and SOAP', () => {
  const useOf = async (sandbox: StillSandbox) => [
    (await sandbox.control('GET', '/limits')).used.today,
    (await sandbox.control('GET', '/rest-limits')).used.today,
  ];

  test('count together', async () => {
    const { sandbox, rest } = await start({ callsPer20Seconds: 3 });
    await sandbox.sync(email('a@example.com'));
    await call(rest);
    await sandbox.sync(email('a@example.com'));
    expect(await useOf(sandbox)).toEqual([3, 3]);
    expect((await call(rest)).code).toBe('606');
    await sandbox.control('PUT', '/limits', { callsPer20Seconds: 3 });
    expect((await sandbox.sync(email('a@example.com'))).fault).toBe(20023);
  });

  test('or apart, by setting', async () => {
    const { sandbox, rest } = await start({ callsPer20Seconds: 1 });
    await sandbox.control('PUT', '/rest', { countTogether: false });
    await sandbox.sync(email('a@example.com'));
    await sandbox.sync(email('a@example.com'));
    expect((await call(rest)).json.success).toBe(true);
    expect((await call(rest)).code).toBe('606');
    expect(await useOf(sandbox)).toEqual([2, 2]);
  });
});

describe('usage', () => {
  test('tells the calls of the day, this one included', async () => {
    const { sandbox, rest } = await start();
    await call(rest);
    await sandbox.sync(email('a@example.com'));
    const { json } = await rest.request('GET', '/stats/usage.json');
    expect(json.result).toEqual([
      { date: '2026-03-02', total: 3, users: [{ userId: 'api@example.com', count: 3 }] },
    ]);
  });

  test('of its own face when they count apart, from 0 at midnight US Central', async () => {
    const { sandbox, rest } = await start();
    await sandbox.control('PUT', '/rest', { countTogether: false });
    await sandbox.sync(email('a@example.com'));
    const total = async (client: RestClient) =>
      (await client.request('GET', '/stats/usage.json')).json.result[0];
    expect(await total(rest)).toMatchObject({ total: 1, date: '2026-03-02' });
    sandbox.tick(18 * 3_600_000);
    expect(await total(restClient(sandbox))).toMatchObject({ total: 1, date: '2026-03-03' });
  });
});
