import type { CallerId, UpsertLead } from '../../src/leads/lead.ts';
import { answerOf, type Put, startVirtualDispatcher } from './dispatcher.ts';
import { createVirtualClock } from './virtual-clock.ts';

/** What a loud caller sends from `fromMs` to `toMs`; times in ms since midnight in Chicago. */
export type LoudCaller = {
  readonly perSecond: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly lead: (nth: number) => Partial<UpsertLead>;
};

/** A caller with few leads, and when it sends them. */
export type CalmCaller = {
  readonly perSecond: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** The waits of leads that come from here on are looked at. */
  readonly lookFromMs: number;
  readonly lead?: (nth: number) => Partial<UpsertLead>;
};

export type CalmResult = {
  readonly leads: number;
  /** Answers other than "stored", and how many there were. */
  readonly refused: Readonly<Record<string, number>>;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly calls: number;
  /** Leads of both that were refused. */
  readonly refusals: number;
};

const CALM: CallerId = { key: 'secret calm', address: undefined };
const LOUD: CallerId = { key: 'secret loud', address: undefined };
const MIDNIGHT = Date.parse('2026-11-23T00:00:00-06:00');
/** What a call takes, in ms. */
export const CALL_MS = 300;

/** A caller with few leads, alone or beside a loud one, in virtual time; the gateway runs since midnight. */
export async function runCalmCaller(
  calm: CalmCaller,
  loud: LoudCaller = NO_OTHER,
  dailyCalls = 10_000,
  maxBatch = 300,
): Promise<CalmResult> {
  const clock = createVirtualClock(MIDNIGHT);
  const limits = { dailyCalls };
  const { putFor, calls, refusals } = startVirtualDispatcher({
    clock,
    limits,
    callMs: CALL_MS,
    deadlineMs: 25_000,
    maxBatch,
  });
  const looked: Put[] = [];
  const sent = { calm: 0, loud: 0 };
  const calmMs = () => nextMs(calm, sent.calm, 1);
  const loudMs = () => nextMs(loud, sent.loud, STEP_MS);
  for (let atMs = 0; ;) {
    const isCalm = calmMs() <= loudMs();
    atMs = Math.min(calmMs(), loudMs());
    if (atMs === Number.POSITIVE_INFINITY) break;
    if (atMs > clock.monotonicMs()) await clock.advance(atMs - clock.monotonicMs());
    if (!isCalm) putFor(LOUD, loud.lead(sent.loud++));
    else {
      const put = putFor(CALM, calm.lead?.(sent.calm) ?? { email: `calm${sent.calm}@example.com` });
      if (atMs >= calm.lookFromMs) looked.push(put);
      sent.calm += 1;
    }
  }
  await clock.advance(30_000);
  return { ...resultOf(looked), calls: calls.length, refusals: refusals.length };
}

const NO_OTHER: LoudCaller = { perSecond: 1, fromMs: 0, toMs: 0, lead: () => ({}) };

/** The leads of a loud caller come in steps of this many ms. */
const STEP_MS = 20;

/** When a caller's nth lead comes; never after its end. */
function nextMs(
  { perSecond, fromMs, toMs }: Pick<LoudCaller, 'perSecond' | 'fromMs' | 'toMs'>,
  nth: number,
  stepMs: number,
): number {
  const atMs = fromMs + Math.floor((nth * 1000) / perSecond / stepMs) * stepMs;
  return atMs < toMs ? atMs : Number.POSITIVE_INFINITY;
}

function resultOf(puts: readonly Put[]): Omit<CalmResult, 'calls' | 'refusals'> {
  const refused: Record<string, number> = {};
  const waits: number[] = [];
  for (const put of puts) {
    const answer = answerOf(put);
    if (answer === 'stored') waits.push(put.timing?.waitMs ?? Infinity);
    else refused[answer] = (refused[answer] ?? 0) + 1;
  }
  waits.sort((a, b) => a - b);
  const at = (part: number) => Math.round(waits[Math.floor((waits.length - 1) * part)] ?? Infinity);
  return { leads: puts.length, refused, p50: at(0.5), p99: at(0.99), max: at(1) };
}
