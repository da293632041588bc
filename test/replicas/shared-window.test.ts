import { expect, test } from 'vitest';
import { createSharedWindow } from '../../src/replicas/shared-window.ts';
import type { Allowance } from '../../src/replicas/allowance.ts';

const ALL: Allowance = {
  share: 1,
  reserved: 0,
  peerRefills: [],
  standaloneSince: -Infinity,
  opensAt: -Infinity,
};

function windowOf(...allowances: [Allowance, ...Allowance[]]) {
  const clock = { ms: 0 };
  const window = createSharedWindow({ size: 100, monotonicMs: () => clock.ms, allowances: () => allowances });
  const calls = (count: number) => {
    for (let call = 0; call < count; call += 1) {
      window.reserve();
      window.end(true);
    }
  };
  return { clock, window, calls };
}

test('own calls count while they run and for 20 seconds more, those that were not sent never', () => {
  const { clock, window, calls } = windowOf(ALL);
  window.reserve();
  calls(9);
  expect(window.free()).toBe(90);
  window.end(false);
  expect(window.free()).toBe(91);
  clock.ms = 19_999;
  expect(window.free()).toBe(91);
  clock.ms = 20_000;
  expect(window.free()).toBe(100);
});

test('calls of peers refill the window as well', () => {
  const { clock, window, calls } = windowOf({ ...ALL, peerRefills: [{ atMs: 700, calls: 60 }] });
  calls(40);
  expect([window.free(), window.next(), window.earliestStart(1), window.earliestStart(61)]).toEqual([
    0, 700, 700, 20_000,
  ]);
  // The hundred and first waits for the first of the hundred.
  expect(window.earliestStart(101)).toBe(20_700);
  expect(window.refillTimes()).toHaveLength(100);
  clock.ms = 700;
  expect(window.free()).toBe(60);
});

test('when a running call ends is unknown', () => {
  const { window } = windowOf({ ...ALL, reserved: 99 });
  window.reserve();
  expect([window.free(), window.next()]).toEqual([0, null]);
  expect(window.earliestStart(1)).toBe(20_000);
});

test('of several allowances the tightest holds', () => {
  const { window } = windowOf(ALL, { ...ALL, share: 0.25 });
  expect([window.free(), window.capacity()]).toEqual([25, 25]);
});

test('before an allowance opens no call may be made, and the wait is known', () => {
  const { clock, window } = windowOf({ ...ALL, share: 0.25, opensAt: 1000 });
  expect([window.free(), window.next(), window.earliestStart(25)]).toEqual([0, 1000, 1000]);
  clock.ms = 1000;
  expect(window.free()).toBe(25);
});
