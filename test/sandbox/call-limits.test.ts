import { describe, expect, test } from 'vitest';
import { createCallUse, quotaDay } from '../../src/sandbox/call-limits.ts';
import {
  authentication,
  email,
  envelopeOf,
  startStillSandbox,
  START,
  type StillSandbox,
} from '../support/sandbox.ts';
import { createVirtualClock, untilTimers } from '../support/virtual-clock.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const call = (marketo: StillSandbox) => marketo.sync(email('a@b.c'));

async function callTimes(marketo: StillSandbox, times: number): Promise<(number | null)[]> {
  const faults = [];
  for (let index = 0; index < times; index++) faults.push((await call(marketo)).fault);
  return faults;
}

describe('limits of a subscription', () => {
  test('the documented limits apply from the start', async () => {
    const marketo = await startStillSandbox({ limits: {} });
    const report = await marketo.control('GET', '/limits');
    expect(report.enabled).toBe(true);
    expect(report.limits).toEqual({
      callsPer20Seconds: 100,
      concurrentCalls: 10,
      callsPerDay: 10_000,
      recordsPerBatch: 300,
    });
  });

  test('100 calls in 20 seconds are answered, the next is fault 20023, at exactly 20 seconds there is room', async () => {
    const marketo = await startStillSandbox({ limits: {} });
    expect((await call(marketo)).fault).toBeNull();
    marketo.tick(5000);
    expect(new Set(await callTimes(marketo, 99))).toEqual(new Set([null]));
    const refused = await call(marketo);
    expect(refused.fault).toBe(20023);
    expect(refused.value('faultstring')).toBe('20023 - Rate limit exceeded');
    marketo.tick(14_999);
    expect((await call(marketo)).fault).toBe(20023);
    marketo.tick(1);
    // Twenty seconds after the first call one place is free, for one call.
    expect(await callTimes(marketo, 2)).toEqual([null, 20023]);
    marketo.tick(5000);
    expect(new Set(await callTimes(marketo, 99))).toEqual(new Set([null]));
    expect((await call(marketo)).fault).toBe(20023);
  });

  test('10 calls at a time are answered, the eleventh is fault 20024, and one that ends makes room', async () => {
    const timers = createVirtualClock();
    const marketo = await startStillSandbox({ limits: {}, processingMs: 1000, timers });
    const calls = Array.from({ length: 11 }, (_, index) => marketo.sync(email(`a${index}@b.c`)));
    expect((await Promise.race(calls)).fault).toBe(20024);
    await untilTimers(timers, 10);
    await timers.advance(1000);
    const faults = (await Promise.all(calls)).map(({ fault }) => fault);
    expect(faults.filter((fault) => fault !== null)).toEqual([20024]);
    const another = call(marketo);
    await untilTimers(timers, 1);
    await timers.advance(1000);
    expect((await another).fault).toBeNull();
  });

  test("the day's calls are answered, the next is fault 20015, and midnight US Central starts a new day", async () => {
    // 23:59:59.000 in Chicago on the second of March 2026, which is six hours behind UTC.
    let now = Date.parse('2026-03-03T05:59:59.000Z');
    const marketo = await startStillSandbox({ limits: { callsPerDay: 3 }, now: () => now });
    expect(await callTimes(marketo, 4)).toEqual([null, null, null, 20015]);
    now += 999;
    expect((await call(marketo)).fault).toBe(20015);
    now += 1;
    expect(await callTimes(marketo, 4)).toEqual([null, null, null, 20015]);
  });

  test('neither refused nor unauthenticated calls are counted', async () => {
    const marketo = await startStillSandbox({ limits: { callsPer20Seconds: 1 } });
    await marketo.post(envelopeOf('<ns1:paramsSyncLead/>', ''));
    expect(await callTimes(marketo, 3)).toEqual([null, 20023, 20023]);
    marketo.tick(20_000);
    expect((await call(marketo)).fault).toBeNull();
    expect((await marketo.control('GET', '/limits')).used['today']).toBe(2);
  });

  test('a call that ends in a fault is counted', async () => {
    const marketo = await startStillSandbox({ limits: { callsPer20Seconds: 1 } });
    await marketo.call('<ns1:paramsFly/>');
    expect((await call(marketo)).fault).toBe(20023);
  });

  test('the daily limit is reported before the others', async () => {
    const marketo = await startStillSandbox({
      limits: { callsPerDay: 1, callsPer20Seconds: 1, concurrentCalls: 0 },
    });
    expect((await call(marketo)).fault).toBe(20024);
    await marketo.control('PUT', '/limits', { concurrentCalls: 10 });
    expect(await callTimes(marketo, 2)).toEqual([null, 20015]);
  });

  test('limits can be set and switched off and on', async () => {
    const marketo = await startStillSandbox({ limits: {} });
    await marketo.control('PUT', '/limits', { callsPer20Seconds: 1, recordsPerBatch: 1 });
    expect(await callTimes(marketo, 2)).toEqual([null, 20023]);
    await marketo.control('PUT', '/limits', { enabled: false });
    expect(await callTimes(marketo, 2)).toEqual([null, null]);
    await marketo.control('PUT', '/limits', { enabled: true });
    expect((await call(marketo)).fault).toBe(20023);
    const records = `<leadRecord>${email('a@b.c')}</leadRecord>`.repeat(2);
    marketo.tick(20_000);
    const body = `<ns1:paramsSyncMultipleLeads><leadRecordList>${records}</leadRecordList></ns1:paramsSyncMultipleLeads>`;
    expect((await marketo.post(envelopeOf(body, authentication(marketo.now())))).fault).toBe(20110);
  });

  test('the use is reported with the end of the day', async () => {
    const marketo = await startStillSandbox({ limits: {} });
    await callTimes(marketo, 3);
    marketo.tick(20_000);
    await call(marketo);
    const { used, dayEndsAt } = await marketo.control('GET', '/limits');
    expect(used).toEqual({ last20Seconds: 1, concurrent: 0, today: 4 });
    expect(dayEndsAt).toBe('2026-03-03T06:00:00.000Z');
  });
});

test('many calls are counted, and forgotten as they leave the window', () => {
  const limits = createCallUse();
  for (let second = 0; second < 100; second++) {
    for (let count = 0; count < 1000; count++) limits.enter(START + second * 1000)();
  }
  const used = limits.report(START + 99_000);
  expect(used).toMatchObject({ last20Seconds: 20_000, concurrent: 0, today: 100_000 });
  expect(limits.report(START + 200_000).last20Seconds).toBe(0);
});

describe('a day in US Central time', () => {
  const HOUR = 3_600_000;
  test.each([
    ['in winter', '2026-01-15T05:59:59.999Z', '2026-01-14T06:00:00.000Z', 24],
    ['at its first millisecond', '2026-01-15T06:00:00.000Z', '2026-01-15T06:00:00.000Z', 24],
    ['in summer', '2026-07-15T04:59:59.999Z', '2026-07-14T05:00:00.000Z', 24],
    ['before the clocks go forward', '2026-03-08T07:59:00.000Z', '2026-03-08T06:00:00.000Z', 23],
    ['after the clocks went forward', '2026-03-09T04:59:59.999Z', '2026-03-08T06:00:00.000Z', 23],
    ['the first of summer time', '2026-03-09T05:00:00.000Z', '2026-03-09T05:00:00.000Z', 24],
    ['before the clocks go back', '2026-11-01T05:30:00.000Z', '2026-11-01T05:00:00.000Z', 25],
    ['in the hour that comes twice', '2026-11-01T07:30:00.000Z', '2026-11-01T05:00:00.000Z', 25],
    ['the first of winter time', '2026-11-02T06:00:00.000Z', '2026-11-02T06:00:00.000Z', 24],
    ['at the turn of the year', '2027-01-01T05:59:59.999Z', '2026-12-31T06:00:00.000Z', 24],
    ['on a leap day', '2028-02-29T12:00:00.000Z', '2028-02-29T06:00:00.000Z', 24],
  ])('%s', (_what, instant, start, hours) => {
    const day = quotaDay(Date.parse(instant));
    expect(new Date(day.startMs).toISOString()).toBe(start);
    expect((day.endMs - day.startMs) / HOUR).toBe(hours);
  });

  test('days follow one another without gap or overlap for ten years', EXHAUSTIVE, () => {
    let at = Date.parse('2020-01-01T06:00:00Z');
    for (let count = 0; count < 3653; count++) {
      const day = quotaDay(at);
      expect(day.startMs).toBe(at);
      expect(quotaDay(day.endMs - 1)).toEqual(day);
      at = day.endMs;
    }
    expect(new Date(at).toISOString()).toBe('2030-01-01T06:00:00.000Z');
  });
});
