import { describe, expect, test } from 'vitest';
import { BURST_SHARE, createDemand, paceMs, RESERVED_SHARE } from '../../src/dispatch/scheduler.ts';
import { createQuota } from '../../src/dispatch/quota.ts';

const LIMITS = { callsPerWindow: 100, maxConcurrent: 100, dailyCalls: 1_000_000 };

function quotaAt() {
  const clock = { ms: 0 };
  const quota = createQuota(LIMITS, { now: () => clock.ms, monotonicMs: () => clock.ms });
  return {
    clock,
    quota,
    calls(count: number) {
      for (let call = 0; call < count; call += 1) quota.reserve()('counted');
    },
  };
}

describe('demand', () => {
  test('is the leads of the last second or so, and fades', () => {
    let ms = 0;
    const demand = createDemand(() => ms);
    for (let lead = 0; lead < 5000; lead += 1) {
      ms += 2;
      demand.arrived();
    }
    expect(demand.perSecond()).toBeGreaterThan(450);
    expect(demand.perSecond()).toBeLessThan(550);
    ms += 10_000;
    expect(demand.perSecond()).toBeLessThan(1);
  });
});

describe('the pace', () => {
  test('leaves no gap while most of the window is free, whatever the demand', () => {
    const { quota, calls } = quotaAt();
    calls(24);
    expect(paceMs(quota, 100_000, BURST_SHARE, 0)).toBe(0);
  });

  test('leaves no gap while single calls can carry the demand', () => {
    const { quota, calls } = quotaAt();
    calls(99);
    expect(paceMs(quota, 10, BURST_SHARE, 0)).toBe(0);
  });

  test('spreads what is left of the window until more comes back', () => {
    const { quota, calls } = quotaAt();
    calls(25);
    expect(paceMs(quota, 1000, BURST_SHARE, 0)).toBeCloseTo(20_000 / 75, 5);
  });

  test('spreads the window evenly when it was used evenly', () => {
    const { quota, clock } = quotaAt();
    for (let call = 0; call < 90; call += 1) {
      quota.reserve()('counted');
      clock.ms += 200;
    }
    expect(paceMs(quota, 1000, BURST_SHARE, clock.ms)).toBeCloseTo(200, 5);
  });

  test('is shared: of three replicas each takes every third turn, and their leads count together', () => {
    const { quota, calls } = quotaAt();
    calls(25);
    const even = paceMs(quota, 1000, BURST_SHARE, 0);
    expect(paceMs(quota, 1000, BURST_SHARE, 0, { demandPerSecond: 0, activePeers: 3 })).toBeCloseTo(
      3 * even,
      5,
    );
    expect(paceMs(quota, 5, BURST_SHARE, 0)).toBe(0);
    expect(paceMs(quota, 5, BURST_SHARE, 0, { demandPerSecond: 995, activePeers: 3 })).toBeGreaterThan(0);
  });

  test('leaves the waiting to the window once that is used up', () => {
    const { quota, calls } = quotaAt();
    calls(100);
    expect(paceMs(quota, 1000, BURST_SHARE, 0)).toBe(0);
  });

  test('lets leads that cannot share a call use all but a reserve', () => {
    const { quota, calls } = quotaAt();
    calls(74);
    expect(paceMs(quota, 1000, RESERVED_SHARE, 0)).toBe(0);
    calls(2);
    expect(paceMs(quota, 1000, RESERVED_SHARE, 0)).toBeGreaterThan(200);
  });
});
