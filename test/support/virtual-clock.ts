import TinyQueue from 'tinyqueue';
import type { Clock } from '../../src/runtime/clock.ts';
import { atEnd } from './lasting.ts';

export type VirtualClock = Clock & {
  /** Lets `ms` pass: runs the timers due in that time, in their order, each followed by everything it sets off. */
  advance(ms: number): Promise<void>;
  /** Runs what is due and pending now, without time passing. */
  flush(): Promise<void>;
  /** Timers that are set. */
  timers(): number;
};

/** Long enough for the callbacks of every promise that has resolved by now, for theirs, and for the immediates they set. */
const turn = () =>
  new Promise<void>((resolve) => {
    process.nextTick(setImmediate, resolve);
  });

/**
 * A clock that stands still until a test moves it.
 *
 * @param startsAt the time of day it starts at, in ms since 1970; monotonic time starts at 0
 */
export function createVirtualClock(startsAt = Date.UTC(2026, 0, 15, 12)): VirtualClock {
  let nowMs = 0;
  let lastId = 0;
  /** Timers that are set, by their ids; those that were cleared stay in the queue until they would be due. */
  const timers = new Map<number, () => void>();
  const queue = new TinyQueue<{ readonly id: number; readonly atMs: number }>(
    [],
    (a, b) => a.atMs - b.atMs || a.id - b.id,
  );

  const nextDue = (untilMs: number) => {
    for (let due = queue.peek(); due !== undefined && due.atMs <= untilMs; due = queue.peek()) {
      queue.pop();
      const fn = timers.get(due.id);
      if (fn !== undefined) return { ...due, fn };
    }
    return undefined;
  };

  const advance = async (ms: number) => {
    const untilMs = nowMs + ms;
    await turn();
    for (let due = nextDue(untilMs); due !== undefined; due = nextDue(untilMs)) {
      timers.delete(due.id);
      nowMs = Math.max(nowMs, due.atMs);
      due.fn();
      await turn();
    }
    nowMs = untilMs;
  };

  return {
    now: () => startsAt + nowMs,
    monotonicMs: () => nowMs,
    setTimer(fn, ms) {
      lastId += 1;
      timers.set(lastId, fn);
      queue.push({ id: lastId, atMs: nowMs + Math.max(0, ms) });
      return lastId;
    },
    clearTimer: (timer) => void timers.delete(Number(timer)),
    advance,
    flush: () => advance(0),
    timers: () => timers.size,
  };
}

/** What passes with each step of {@link startQuickClock}, in ms: the steps are a millisecond or more apart. */
const QUICK_STEP_MS = 20;

/**
 * A clock that moves by itself until the test ends, from the present on, many times as fast as others: for what waits for
 * seconds. It counts the steps that this event loop takes, of which there are fewer on a busy machine, so that a deadline
 * comes no sooner there for work in this process. Not for what works in another thread or process.
 */
export function startQuickClock(): Clock {
  const clock = createVirtualClock(Date.now());
  const state = { isEnded: false };
  const run = async () => {
    while (!state.isEnded) {
      await clock.advance(QUICK_STEP_MS);
      await new Promise((resolve) => {
        setTimeout(resolve, 1);
      });
    }
  };
  void run();
  atEnd(() => {
    state.isEnded = true;
  });
  const { now, monotonicMs, setTimer, clearTimer } = clock;
  return { now, monotonicMs, setTimer, clearTimer };
}

/** Waits until that many timers are set. */
export async function untilTimers(clock: VirtualClock, count: number): Promise<void> {
  while (clock.timers() !== count) {
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
  }
}

/** Turns of the event loop in which a call over loopback begins, or its answer is read. */
const TURNS_OF_SOCKETS = 8;
/** How often a call is given that before time passes, at most: some are never answered. */
const MAX_TRIES_OF_A_CALL = 50;

/**
 * Lets time pass in steps, with room for sockets between them, until the promise has settled.
 *
 * @param isCalling whether a call is on its way, which takes no time unless it is never answered
 */
export async function passUntil<Value>(
  clock: VirtualClock,
  promise: Promise<Value>,
  stepMs = 50,
  isCalling = () => false,
): Promise<Value> {
  const state = { isSettled: false };
  const settle = () => {
    state.isSettled = true;
  };
  promise.then(settle, settle);
  while (!state.isSettled) {
    await clock.advance(stepMs);
    for (let tries = 0; tries === 0 || (isCalling() && tries < MAX_TRIES_OF_A_CALL); tries += 1) {
      await new Promise((resolve) => {
        setTimeout(resolve, 1);
      });
      for (let turns = 0; turns < TURNS_OF_SOCKETS; turns += 1) await turn();
    }
  }
  return promise;
}
