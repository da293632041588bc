import { onTestFinished } from 'vitest';
import { IS_THOROUGH } from './fuzz.ts';

const STEP_MS = 10;

/**
 * Starts a clock of this event loop: it counts the steps of 10 ms that the loop was free to take, of which it gets fewer
 * on a busy machine. For upper bounds; a wait that takes too long takes many steps.
 */
export function startLoopClock(): () => number {
  let steps = 0;
  const timer = setInterval(() => (steps += 1), STEP_MS);
  onTestFinished(() => clearInterval(timer));
  return () => steps * STEP_MS;
}

/** CPU time of this process while `work` runs, in ms. What else the machine does is not in it. */
function cpuMs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** A mebibyte under `npm run fuzz`; in `npm test` enough of it to see how time grows. */
export const GROWTH_BYTES = IS_THOROUGH ? 1_048_576 : 131_072;

/** Below it, measuring is too coarse, and quadratic time does not matter. */
const FLOOR_MS = IS_THOROUGH ? 20 : 4;

/** What linear work stays below, and quadratic work is far above: see {@link measureGrowth}. */
export const LINEAR_GROWTH = 24;

/**
 * How many times as long an input of `size` takes as an eighth of it: 8 times where the time is linear, 64 times where it
 * is quadratic. Also gives the CPU time of the larger, in ms.
 */
export function measureGrowth<T>(
  size: number,
  write: (size: number) => T,
  work: (input: T) => unknown,
): { readonly growth: number; readonly ms: number } {
  const [small, large] = [write(Math.floor(size / 8)), write(size)];
  let least = { growth: Infinity, ms: 0 };
  // Memory that others use slows this process down as well, but not each time.
  for (let tries = 0; tries < 5 && least.growth >= LINEAR_GROWTH; tries += 1) {
    const smallMs = cpuMs(() => work(small));
    const ms = cpuMs(() => work(large));
    const growth = ms / Math.max(FLOOR_MS, smallMs);
    if (growth < least.growth) least = { growth, ms };
  }
  return least;
}
