/** What a subscription may do (docs/marketo-soap.md#limits). */
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

type LimitsReport = {
  /** False: calls are counted and never refused. */
  readonly enabled: boolean;
  readonly limits: Limits;
  readonly used: { readonly last20Seconds: number; readonly concurrent: number; readonly today: number };
  /** The next quota reset, epoch milliseconds. */
  readonly dayEndsAt: number;
};

/** Which limit a call is over; if several are reached, the first of these. */
export type ReachedLimit = 'day' | 'rate' | 'concurrency';

/** Counts calls against the limits of a subscription. */
export type CallLimits = {
  /** Admits one call and returns what ends it. Throws the error of the limits that it is over. */
  enter(nowMs: number): () => void;
  /** Counts a call of the day that never ran. */
  count(nowMs: number): void;
  /** How many records a batch may hold; Infinity while the limits are off. */
  recordsPerBatch(): number;
  configure(limits: Partial<Limits>, enabled: boolean): void;
  /** Back to the limits of the start with nothing used; calls in flight stay counted. */
  reset(): void;
  report(nowMs: number): LimitsReport;
};

export type CallLimitsOptions = {
  readonly initial: Limits;
  readonly enabled: boolean;
  /** What is counted; the limits of two faces may share it. */
  readonly use: () => CallUse;
  /** The error of a call that is over a limit. */
  readonly refusal: (reached: ReachedLimit, limits: Limits) => Error;
  /** Whether calls that are refused count as calls of the day. */
  readonly countRefused?: boolean;
};

export function createCallLimits(options: CallLimitsOptions): CallLimits {
  const { initial, use, refusal, countRefused = false } = options;
  let limits = initial;
  let enabled = options.enabled;

  return {
    enter(nowMs) {
      const reached = enabled ? reachedLimit(limits, use().report(nowMs)) : null;
      if (reached === null) return use().enter(nowMs);
      if (countRefused) use().count(nowMs);
      throw refusal(reached, limits);
    },
    count: (nowMs) => use().count(nowMs),
    recordsPerBatch: () => (enabled ? limits.recordsPerBatch : Infinity),
    configure(changed, nowEnabled) {
      limits = { ...limits, ...changed };
      enabled = nowEnabled;
    },
    reset() {
      limits = initial;
      enabled = options.enabled;
      use().reset();
    },
    report(nowMs) {
      const { dayEndsAt, ...used } = use().report(nowMs);
      return { enabled, limits, used, dayEndsAt };
    },
  };
}

function reachedLimit(limits: Limits, used: LimitsReport['used']): ReachedLimit | null {
  if (used.today >= limits.callsPerDay) return 'day';
  if (used.last20Seconds >= limits.callsPer20Seconds) return 'rate';
  return used.concurrent >= limits.concurrentCalls ? 'concurrency' : null;
}

/** The calls that were made: today, in the last 20 seconds, at the moment. */
export type CallUse = {
  /** Counts a call and returns what ends it. */
  enter(nowMs: number): () => void;
  /** Counts a call of the day that never ran. */
  count(nowMs: number): void;
  report(nowMs: number): LimitsReport['used'] & Pick<LimitsReport, 'dayEndsAt'>;
  /** Calls in flight stay counted. */
  reset(): void;
};

export function createCallUse(): CallUse {
  let day: QuotaDay = { startMs: 0, endMs: 0 };
  let today = 0;
  let concurrent = 0;
  const window = createCallWindow();

  function advance(nowMs: number): void {
    if (nowMs < day.startMs || nowMs >= day.endMs) {
      day = quotaDay(nowMs);
      today = 0;
    }
    window.advance(nowMs);
  }

  return {
    enter(nowMs) {
      advance(nowMs);
      today++;
      concurrent++;
      window.add(nowMs);
      let inFlight = true;
      return () => {
        if (inFlight) concurrent--;
        inFlight = false;
      };
    },
    count(nowMs) {
      advance(nowMs);
      today++;
    },
    report(nowMs) {
      advance(nowMs);
      return { last20Seconds: window.count(), concurrent, today, dayEndsAt: day.endMs };
    },
    reset() {
      today = 0;
      window.clear();
    },
  };
}

const WINDOW_MS = 20_000;

/** Counts the calls of the last 20 seconds. */
function createCallWindow() {
  // Start times, the oldest that counts at `head`; what precedes it is removed now and then.
  let starts: number[] = [];
  let head = 0;
  return {
    advance(nowMs: number): void {
      while (head < starts.length && nowMs - (starts[head] ?? nowMs) >= WINDOW_MS) head++;
      if (head > 4096 && head * 2 > starts.length) {
        starts = starts.slice(head);
        head = 0;
      }
    },
    add: (nowMs: number): void => void starts.push(nowMs),
    count: (): number => starts.length - head,
    clear(): void {
      starts = [];
      head = 0;
    },
  };
}

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

/** From one quota reset (inclusive) to the next (exclusive), epoch milliseconds; 23, 24 or 25 hours. */
type QuotaDay = { readonly startMs: number; readonly endMs: number };

/** The day of an instant in US Central time, at whose midnight the daily quota is reset (docs/marketo-soap.md#limits). */
export function quotaDay(nowMs: number): QuotaDay {
  const { year, month, day } = wallClock(nowMs);
  return { startMs: midnight(year, month, day), endMs: midnight(year, month, day + 1) };
}

/**
 * When a day begins. Central time is five or six hours behind UTC and changes at two in the morning, so each
 * midnight occurs once, at five or six o'clock UTC.
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
