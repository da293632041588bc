import { createDayPace, type DayPace } from './day-pace.ts';
import { NO_PEERS } from './permits.ts';
import { createQuota, type Quota, type QuotaLimits } from './quota.ts';
import type { Kind } from './ready-queue.ts';
import {
  createDemand,
  type Demand,
  longestGather,
  nextMove,
  type SchedulerState,
  startsInMs,
} from './scheduler.ts';
import { createWaitCounts, type WaitCounts, type Waits } from './wait-counts.ts';

/** What a simulated gateway is given. */
export type DaySimulation = {
  readonly limits: QuotaLimits;
  readonly maxBatch: number;
  readonly maxQueued: number;
  readonly deadlineMs: number;
  /** When it starts, in ms since 1970. */
  readonly startsAt: number;
  /** How long it runs, in ms. */
  readonly lastsMs: number;
  /** When leads come, in ms since the start, ascending. */
  readonly leads: Readonly<Record<Kind, Float64Array>>;
  /** What a call takes, by the leads in it, in ms. */
  readonly callMs: (leads: number) => number;
  /** When the upstream cannot be reached, in ms since the start. */
  readonly outages?: readonly { readonly fromMs: number; readonly toMs: number }[];
};

/** What has become of the leads. Times in ms. */
export type DayResult = {
  readonly calls: number;
  readonly sent: Readonly<Record<Kind, number>>;
  /** Refused because the day's calls were used up. */
  readonly refused: Readonly<Record<Kind, number>>;
  /** Refused because too many waited, or because they waited too long. */
  readonly busy: number;
  /** Refused while the upstream could not be reached. */
  readonly unreachable: number;
  /** How long leads that can share a call waited. */
  readonly waitMs: Waits;
  /** When the first lead was refused because of the day, since the start; null if none was. */
  readonly endedAtMs: number | null;
};

const KINDS: readonly Kind[] = ['batchable', 'single'];

/**
 * A day of the gateway in a moment: leads come when they are told to, and the scheduler decides as in the gateway, from the
 * same budgets; only the calls are not made.
 */
export function simulateDay(options: DaySimulation): DayResult {
  const { lastsMs, leads, deadlineMs } = options;
  const run = createRun(options);
  const next = { batchable: 0, single: 0 };
  const atOf = (kind: Kind) => leads[kind][next[kind]] ?? Number.POSITIVE_INFINITY;
  for (;;) {
    const kind = atOf('single') < atOf('batchable') ? 'single' : 'batchable';
    const arrivalMs = atOf(kind);
    const eventMs = Math.min(run.wakeMs, run.running.nextMs());
    const nowMs = Math.min(arrivalMs, eventMs);
    if (nowMs > lastsMs) return resultOf(run);
    goTo(run, nowMs);
    for (const each of KINDS) run.result.busy += run.queues[each].dropBefore(nowMs - deadlineMs);
    if (arrivalMs <= eventMs) {
      next[kind] += 1;
      arrive(run, kind);
    }
    pump(run);
  }
}

type Run = {
  readonly options: DaySimulation;
  readonly time: { nowMs: number };
  readonly state: SchedulerState & Parameters<typeof startsInMs>[0];
  readonly quota: Quota;
  readonly dayPace: DayPace;
  readonly demand: Demand;
  readonly queues: Readonly<Record<Kind, Queue>>;
  readonly running: RunningCalls;
  readonly waits: WaitCounts;
  readonly result: {
    calls: number;
    readonly sent: Record<Kind, number>;
    readonly refused: Record<Kind, number>;
    busy: number;
    unreachable: number;
    endedAtMs: number | null;
  };
  wakeMs: number;
  /** Whether only a full batch or a lead that can only go alone could change the decision to wait until then. */
  isGathering: boolean;
  lastStartMs: number;
  wasSingle: boolean;
};

function createRun(options: DaySimulation): Run {
  const { limits, maxBatch, deadlineMs, startsAt } = options;
  const time = { nowMs: 0 };
  const monotonicMs = () => time.nowMs;
  const quota = createQuota(limits, { monotonicMs, now: () => startsAt + time.nowMs });
  const gathering = { longestMs: longestGather(deadlineMs, 0), maxBatch };
  const dayPace = createDayPace({ quota, gathering: () => gathering, monotonicMs });
  const demand = createDemand(monotonicMs);
  const queues = { batchable: createQueue(), single: createQueue() };
  const run: Run = {
    options,
    time,
    quota,
    dayPace,
    demand,
    queues,
    running: createRunningCalls(),
    waits: createWaitCounts(),
    state: {
      quota,
      dayPace,
      breaker: { check: () => breakerAt(options, time.nowMs) },
      readyQueue: {
        hasFullBatch: () => queues.batchable.size() >= maxBatch,
        hasBatchable: () => queues.batchable.size() > 0,
        hasSingle: () => queues.single.size() > 0,
        calls: () => queues.single.size() + Math.ceil(queues.batchable.size() / maxBatch),
        isNextNew: () => false,
      },
      sharing: { isShared: () => false, mayPass: () => false },
      lastStartMs: () => run.lastStartMs,
      demandPerSecond: demand.perSecond,
      peerLoad: () => NO_PEERS,
      longestGatherMs: () => gathering.longestMs,
      usualCallMs: () => options.callMs(1),
    },
    result: {
      calls: 0,
      sent: { batchable: 0, single: 0 },
      refused: { batchable: 0, single: 0 },
      busy: 0,
      unreachable: 0,
      endedAtMs: null,
    },
    wakeMs: Number.POSITIVE_INFINITY,
    isGathering: false,
    lastStartMs: Number.NEGATIVE_INFINITY,
    wasSingle: false,
  };
  return run;
}

function breakerAt(
  { outages = [] }: DaySimulation,
  nowMs: number,
): ReturnType<SchedulerState['breaker']['check']> {
  const outage = outages.find(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs);
  return outage === undefined ? { kind: 'go' } : { kind: 'open', retryAfterMs: outage.toMs - nowMs };
}

function resultOf({ result, waits }: Run): DayResult {
  return { ...result, waitMs: waits.percentiles() };
}

function goTo(run: Run, nowMs: number): void {
  run.time.nowMs = nowMs;
  run.running.endUntil(nowMs);
  if (nowMs < run.wakeMs) return;
  run.wakeMs = Number.POSITIVE_INFINITY;
  run.isGathering = false;
}

function queued({ queues }: Run): number {
  return queues.batchable.size() + queues.single.size();
}

function arrive(run: Run, kind: Kind): void {
  const { options, queues, demand, dayPace, quota, state } = run;
  const { nowMs } = run.time;
  const { maxBatch, maxQueued, deadlineMs } = options;
  demand.arrived();
  const batches = Math.ceil((queues.batchable.size() + (kind === 'batchable' ? 1 : 0)) / maxBatch);
  const singles = queues.single.size() + (kind === 'single' ? 1 : 0);
  const own = kind === 'single' ? singles : batches;
  const nth = own + Math.min(own, singles + batches - own);
  if (queued(run) >= maxQueued || startsInMs(state, nth, nowMs) >= deadlineMs) {
    run.result.busy += 1;
    return;
  }
  dayPace.arrived(kind, queued(run) === 0 && quota.running() === 0);
  queues[kind].add(nowMs);
  run.isGathering &&= kind === 'batchable' && queues.batchable.size() < maxBatch;
}

/** Makes every call that may be made now. */
function pump(run: Run): void {
  if (run.isGathering) return;
  const { nowMs } = run.time;
  while (queued(run) > 0) {
    const move = nextMove(run.state, nowMs);
    if (move.kind === 'call') {
      call(run, move.onlyGathered);
    } else if (move.kind === 'reject') {
      refuse(run, move.of, move.error.code === 'daily-quota-exhausted');
    } else {
      if (move.untilMs === null) return;
      run.wakeMs = Math.max(move.untilMs, nowMs + 0.001);
      run.isGathering = run.queues.single.size() === 0;
      return;
    }
  }
}

function call(run: Run, onlyGathered: boolean): void {
  const { queues, options, waits, result } = run;
  const { nowMs } = run.time;
  const mayBatch = queues.batchable.size() >= (onlyGathered ? options.maxBatch : 1);
  run.wasSingle = queues.single.size() > 0 && !(mayBatch && run.wasSingle);
  const kind = run.wasSingle ? 'single' : 'batchable';
  const count = run.wasSingle ? 1 : Math.min(options.maxBatch, queues.batchable.size());
  for (let lead = 0; lead < count; lead += 1) {
    const waitedMs = nowMs - queues[kind].take();
    if (kind === 'batchable') waits.add(waitedMs);
  }
  result.sent[kind] += count;
  result.calls += 1;
  run.lastStartMs = nowMs;
  run.running.add(nowMs + options.callMs(count), run.quota.reserve(), run.dayPace.reserve(kind));
}

function refuse({ queues, result, time }: Run, of: Kind | undefined, isDay: boolean): void {
  for (const kind of KINDS) {
    if (of !== undefined && of !== kind) continue;
    const count = queues[kind].clear();
    if (!isDay) {
      result.unreachable += count;
    } else if (count > 0) {
      result.refused[kind] += count;
      result.endedAtMs ??= time.nowMs;
    }
  }
}

type Queue = ReturnType<typeof createQueue>;

/** Arrival times, oldest first. */
function createQueue() {
  let times: number[] = [];
  let head = 0;
  const clear = () => {
    const count = times.length - head;
    if (times.length > 0) times = [];
    head = 0;
    return count;
  };
  return {
    size: () => times.length - head,
    add: (atMs: number) => void times.push(atMs),
    take(): number {
      const atMs = times[head] ?? Number.NaN;
      head += 1;
      if (head === times.length) clear();
      return atMs;
    },
    clear,
    /** Drops those that came before, and returns how many. */
    dropBefore(atMs: number): number {
      const from = head;
      while ((times[head] ?? Number.POSITIVE_INFINITY) < atMs) head += 1;
      return head - from;
    },
  };
}

type RunningCalls = ReturnType<typeof createRunningCalls>;

/** A call that runs: when it ends, and what books that. */
type RunningCall = readonly [
  endsAtMs: number,
  endQuota: ReturnType<Quota['reserve']>,
  endPace: ReturnType<DayPace['reserve']>,
];

function createRunningCalls() {
  /** Soonest end first. */
  const calls: RunningCall[] = [];
  return {
    nextMs: () => calls[0]?.[0] ?? Number.POSITIVE_INFINITY,
    add(...added: RunningCall): void {
      const index = calls.findIndex(([endsAtMs]) => endsAtMs > added[0]);
      calls.splice(index < 0 ? calls.length : index, 0, added);
    },
    endUntil(nowMs: number): void {
      for (let [first] = calls; first !== undefined && first[0] <= nowMs; [first] = calls) {
        calls.shift();
        first[1]('counted');
        first[2]('counted');
      }
    },
  };
}
