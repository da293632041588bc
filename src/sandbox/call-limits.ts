import { SoapFault } from './soap-fault.ts';
import { usCentralDay, type Day } from './us-central-day.ts';

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
