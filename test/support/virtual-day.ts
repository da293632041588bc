import { createBreaker } from '../../src/dispatch/breaker.ts';
import { createDispatcher } from '../../src/dispatch/dispatcher.ts';
import { createQuota } from '../../src/dispatch/quota.ts';
import type { Kind } from '../../src/dispatch/ready-queue.ts';
import { WINDOW_MS } from '../../src/dispatch/sliding-window.ts';
import { createWaitCounts, type Waits } from '../../src/dispatch/wait-counts.ts';
import { GatewayError } from '../../src/leads/errors.ts';
import { createCancellation } from '../../src/runtime/cancellation.ts';
import type { Outcome } from '../../src/upstream/outcome.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';

/** What comes in a day of 24 hours from midnight in Chicago: arrival times in ms, ascending. */
export type VirtualDay = Readonly<Partial<Record<Kind, Float64Array>>> & {
  readonly dailyCalls?: number;
  readonly maxQueued?: number;
  /** When the gateway starts, in hours; the hours before are unknown to it. */
  readonly startsAtHour?: number;
};

/** What has become of the leads; the budgets as the upstream sees them. */
export type VirtualDayResult = {
  readonly calls: number;
  readonly stored: Readonly<Record<Kind, number>>;
  /** Codes of the errors, and how many leads got them. */
  readonly refused: Readonly<Record<Kind, Readonly<Record<string, number>>>>;
  /** From arrival to the start of the call, in ms. */
  readonly waitMs: Readonly<Record<Kind, Waits>>;
  readonly mostAtOnce: number;
  readonly mostInWindow: number;
};

const LIMITS = { callsPerWindow: 100, maxConcurrent: 10 };
const MIDNIGHT = Date.parse('2026-11-23T00:00:00-06:00');
const HOUR_MS = 3_600_000;
/** The last moment of the day: at midnight calls begin to count again. */
const LAST_MS = 24 * HOUR_MS - 1;
const STORED = { kind: 'stored', result: { leadId: 7, status: 'CREATED' } } as const;

/** An upstream that stores every lead and keeps nothing but counts, since a day has millions. */
function countingUpstream(clock: VirtualClock) {
  const counts = { calls: 0, running: 0, mostAtOnce: 0, mostInWindow: 0 };
  let starts: number[] = [];
  const begin = () => {
    const nowMs = clock.monotonicMs();
    starts = [...starts.filter((startMs) => startMs > nowMs - WINDOW_MS), nowMs];
    counts.calls += 1;
    counts.running += 1;
    counts.mostAtOnce = Math.max(counts.mostAtOnce, counts.running);
    counts.mostInWindow = Math.max(counts.mostInWindow, starts.length);
  };
  const upstream: Upstream = {
    firstStep: (command) => ({
      group: 'marketoCookie' in command && command.marketoCookie !== undefined ? null : '',
      size: 300,
      note: undefined,
    }),
    call: (items) => {
      begin();
      return new Promise<Outcome>((resolve) => {
        clock.setTimer(
          () => {
            counts.running -= 1;
            resolve(items.length === 1 ? STORED : { kind: 'answered', records: items.map(() => STORED) });
          },
          300 + items.length * 5,
        );
      });
    },
    maxBatch: 300,
    maxBatchSize: 1_000_000,
    operationOf: () => 'any',
  };
  return { upstream, counts };
}

function startGateway(
  clock: VirtualClock,
  { dailyCalls = 10_000, maxQueued = 25_000, startsAtHour = 0 }: VirtualDay,
) {
  const { upstream, counts } = countingUpstream(clock);
  const { monotonicMs } = clock;
  const dispatcher = createDispatcher({
    upstream,
    quota: createQuota({ ...LIMITS, dailyCalls }, clock, undefined, startsAtHour === 0 ? 0 : 90),
    breaker: createBreaker({
      threshold: 5,
      minSpanMs: 2000,
      pauseMs: 1000,
      patienceMs: 3000,
      monotonicMs,
    }),
    clock,
    random: () => 0.5,
    deadlineMs: 25_000,
    maxQueued,
    maxBatch: 300,
    observer: { onCall() {}, onAnswer() {}, onRefusal() {} },
  });
  return { dispatcher, counts };
}

const NONE = new Float64Array();
const CONTEXT = {
  caller: { key: 'secret k', address: undefined },
  requestId: 'r',
  trace: { traceId: '', traceparent: '', tracestate: undefined },
};

/** A whole day through the dispatcher, in virtual time. */
export async function runVirtualDay(day: VirtualDay): Promise<VirtualDayResult> {
  const clock = createVirtualClock(MIDNIGHT);
  await clock.advance((day.startsAtHour ?? 0) * HOUR_MS);
  const { dispatcher, counts } = startGateway(clock, day);
  const waits = { batchable: createWaitCounts(), single: createWaitCounts() };
  const stored = { batchable: 0, single: 0 };
  const refused = { batchable: {} as Record<string, number>, single: {} as Record<string, number> };
  let count = 0;
  const put = (kind: Kind) => {
    count += 1;
    const email = `${count}@example.com`;
    const cookie = kind === 'single' ? { marketoCookie: `id:1&token:${count}` } : {};
    const report = ({ waitMs }: { readonly waitMs: number }) => waits[kind].add(waitMs);
    const command = { email, attributes: [], returnLead: false, ...cookie };
    const context = { ...CONTEXT, signal: createCancellation(), report };
    const onStored = () => void (stored[kind] += 1);
    dispatcher.upsert(command, context).then(onStored, (error: unknown) => {
      const code = error instanceof GatewayError ? error.code : String(error);
      refused[kind][code] = (refused[kind][code] ?? 0) + 1;
    });
  };
  await offer(clock, { batchable: day.batchable ?? NONE, single: day.single ?? NONE }, put);
  await clock.advance(LAST_MS - clock.monotonicMs());
  const { calls, mostAtOnce, mostInWindow } = counts;
  const waitMs = { batchable: waits.batchable.percentiles(), single: waits.single.percentiles() };
  return { calls, stored, refused, waitMs, mostAtOnce, mostInWindow };
}

/** Puts the leads when their time has come. */
async function offer(
  clock: VirtualClock,
  leads: Readonly<Record<Kind, Float64Array>>,
  put: (kind: Kind) => void,
): Promise<void> {
  const next = { batchable: 0, single: 0 };
  const atOf = (kind: Kind) => leads[kind][next[kind]] ?? Number.POSITIVE_INFINITY;
  for (;;) {
    const kind = atOf('single') < atOf('batchable') ? 'single' : 'batchable';
    const atMs = atOf(kind);
    if (atMs === Number.POSITIVE_INFINITY) return;
    if (atMs > clock.monotonicMs()) await clock.advance(atMs - clock.monotonicMs());
    next[kind] += 1;
    put(kind);
  }
}
