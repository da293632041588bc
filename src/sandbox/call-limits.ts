import { SoapFault } from '../soap-server/fault.ts';

/** Days in US Central time, at whose midnight the daily budget is reset (contract A, "Limits of a subscription"). */

const HOUR_MS = 3_600_000;
const FORMAT = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/Chicago',
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
});

/** First and first-no-more millisecond of a day; 23, 24 or 25 hours apart. */
export type Day = { readonly startMs: number; readonly endMs: number };

/** The US Central day that holds an instant (epoch milliseconds). */
export function usCentralDay(nowMs: number): Day {
  const { year, month, day } = wallClock(nowMs);
  return { startMs: midnight(year, month, day), endMs: midnight(year, month, day + 1) };
}

/**
 * The instant a day begins there. Central time is five or six hours behind UTC, and the clocks change at two in
 * the morning, so that each midnight happens once: at five or at six o'clock UTC.
 */
function midnight(year: number, month: number, day: number): number {
  const fiveUtc = Date.UTC(year, month - 1, day, 5);
  return wallClock(fiveUtc).hour === 0 ? fiveUtc : fiveUtc + HOUR_MS;
}

function wallClock(ms: number): { year: number; month: number; day: number; hour: number } {
  const parts = { year: 0, month: 0, day: 0, hour: 0 };
  for (const { type, value } of FORMAT.formatToParts(ms)) {
    if (type in parts) parts[type as keyof typeof parts] = Number(value);
  }
  return parts;
}

/** What a subscription may do (contract A, "Limits of a subscription"). */
export type Limits = {
  readonly callsPer20Seconds: number;
  readonly concurrentCalls: number;
  readonly callsPerDay: number;
  readonly recordsPerBatch: number;
};

export const DOCUMENTED_LIMITS: Limits = {
  callsPer20Seconds: 100,
  concurrentCalls: 10,
  callsPerDay: 10_000,
  recordsPerBatch: 300,
};

const WINDOW_MS = 20_000;

type LimitsReport = {
  /** False: calls are counted and never refused. */
  readonly enabled: boolean;
  readonly limits: Limits;
  readonly used: { readonly last20Seconds: number; readonly concurrent: number; readonly today: number };
  /** When the day's count starts again, epoch milliseconds. */
  readonly dayEndsAt: number;
};

/** Counts calls against the budgets of a subscription. The only state of the sandbox that depends on the clock. */
export type CallLimits = {
  /**
   * Lets one call in and returns what ends it. A refused call is not counted.
   * @throws {SoapFault} 20015, 20023 or 20024, in this order: the one that lasts longest is told.
   */
  enter(nowMs: number): () => void;
  /** How many records a batch may hold; Infinity while the limits are off. */
  recordsPerBatch(): number;
  configure(limits: Partial<Limits>, enabled: boolean): void;
  /** Back to the figures of the start, nothing used; calls under way stay counted. */
  reset(): void;
  report(nowMs: number): LimitsReport;
};

export function createCallLimits(initial: Partial<Limits>, initiallyEnabled: boolean): CallLimits {
  let limits: Limits = { ...DOCUMENTED_LIMITS, ...initial };
  let enabled = initiallyEnabled;
  let day: Day = { startMs: 0, endMs: 0 };
  let today = 0;
  let concurrent = 0;
  // Start times of the calls of the last 20 seconds, oldest at `head`; what lies before is cut off now and then.
  let window: number[] = [];
  let head = 0;

  function advance(nowMs: number): void {
    if (nowMs < day.startMs || nowMs >= day.endMs) {
      day = usCentralDay(nowMs);
      today = 0;
    }
    while (head < window.length && nowMs - (window[head] ?? nowMs) >= WINDOW_MS) head++;
    if (head > 4096 && head * 2 > window.length) {
      window = window.slice(head);
      head = 0;
    }
  }

  return {
    enter(nowMs) {
      advance(nowMs);
      if (enabled) {
        if (today >= limits.callsPerDay) {
          throw new SoapFault(20015, `Request limit of ${limits.callsPerDay} calls a day exceeded`);
        }
        if (window.length - head >= limits.callsPer20Seconds) {
          throw new SoapFault(
            20023,
            `Rate limit of ${limits.callsPer20Seconds} calls in 20 seconds exceeded`,
          );
        }
        if (concurrent >= limits.concurrentCalls) {
          throw new SoapFault(20024, `Limit of ${limits.concurrentCalls} concurrent calls exceeded`);
        }
      }
      today++;
      concurrent++;
      window.push(nowMs);
      let under = true;
      return () => {
        if (under) concurrent--;
        under = false;
      };
    },
    recordsPerBatch: () => (enabled ? limits.recordsPerBatch : Infinity),
    configure(changed, nowEnabled) {
      limits = { ...limits, ...changed };
      enabled = nowEnabled;
    },
    reset() {
      limits = { ...DOCUMENTED_LIMITS, ...initial };
      enabled = initiallyEnabled;
      today = 0;
      window = [];
      head = 0;
    },
    report(nowMs) {
      advance(nowMs);
      return {
        enabled,
        limits,
        used: { last20Seconds: window.length - head, concurrent, today },
        dayEndsAt: day.endMs,
      };
    },
  };
}
