import { waitsInHindsight } from '../dispatch/hindsight.ts';
import { type DayResult, simulateDay } from '../dispatch/simulate-day.ts';
import type { Waits } from '../dispatch/wait-counts.ts';
import { defineCommand, ENV_FILE, JSON_OUTPUT, misused, print, printJson } from './command.ts';
import { loadSome } from './configuration.ts';

const HOUR_MS = 3_600_000;
/** An ordinary day of 24 hours. */
const MIDNIGHT = Date.parse('2026-11-23T00:00:00-06:00');

/** `lead-gateway simulate`: a day of the scheduler in a moment, for an operator's own numbers. */
export const simulate = defineCommand({
  name: 'simulate',
  summary: "show how long leads wait for the day's calls, at rates of your own",
  options: {
    rate: {
      type: 'string',
      value: 'N,N',
      help: 'leads a second that can share a call, one or several;\nwithout it: 0.05, 0.1, 0.2, 1, 5, 12, 20, 34',
    },
    single: { type: 'string', value: 'N', help: 'leads a second that can only go alone, beside them; 0' },
    from: { type: 'string', value: 'HOUR', help: 'when leads start to arrive, in US Central time; 0' },
    to: { type: 'string', value: 'HOUR', help: 'when they stop; 24' },
    even: { type: 'boolean', help: 'leads arrive evenly spaced, not at random' },
    'calls-per-day': { type: 'string', value: 'N', help: 'MARKETO_DAILY_CALLS' },
    'calls-per-20s': { type: 'string', value: 'N', help: 'MARKETO_MAX_CALLS_PER_20S' },
    'max-batch': { type: 'string', value: 'N', help: 'MARKETO_MAX_BATCH' },
    'deadline-ms': { type: 'string', value: 'N', help: 'REQUEST_DEADLINE_MS' },
    'call-ms': { type: 'string', value: 'N', help: 'how long a call takes; 500' },
    ...ENV_FILE,
    ...JSON_OUTPUT,
  },
  notes: `What is not given is read from the variables. "With hindsight": what would have been the shortest longest wait, had
the whole day been known in advance. Nothing is sent. docs/dispatching.md#the-day explains how leads gather.
`,
  run: (own, values) => {
    const set = loadSome(own, values['env-file'], [
      'MARKETO_DAILY_CALLS',
      'MARKETO_MAX_CALLS_PER_20S',
      'MARKETO_MAX_CONCURRENT',
      'MARKETO_MAX_BATCH',
      'MAX_QUEUED_LEADS',
      'REQUEST_DEADLINE_MS',
    ]);
    const from = numberOf('from', values.from, 0);
    const to = numberOf('to', values.to, 24);
    if (from >= to || to > 24) throw misused('simulate', '--from must be before --to, and --to at most 24.');
    const common: Common = {
      fromMs: from * HOUR_MS,
      toMs: to * HOUR_MS,
      isEven: values.even,
      callsPerDay: wholeOf('calls-per-day', values['calls-per-day'], set.MARKETO_DAILY_CALLS),
      callsPerWindow: wholeOf('calls-per-20s', values['calls-per-20s'], set.MARKETO_MAX_CALLS_PER_20S),
      maxConcurrent: set.MARKETO_MAX_CONCURRENT,
      maxBatch: wholeOf('max-batch', values['max-batch'], set.MARKETO_MAX_BATCH),
      maxQueued: set.MAX_QUEUED_LEADS,
      deadlineMs: wholeOf('deadline-ms', values['deadline-ms'], set.REQUEST_DEADLINE_MS),
      callMs: numberOf('call-ms', values['call-ms'], 500),
      singleRate: numberOf('single', values.single, 0),
    };
    const rates = (values.rate ?? '0.05,0.1,0.2,1,5,12,20,34').split(',');
    const rows = rates.map((rate) => simulateRate(numberOf('rate', rate, 0), common));
    if (values.json) printJson(rows);
    else print(tableOf(rows, common));
    return 0;
  },
});

type Common = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly isEven: boolean;
  readonly callsPerDay: number;
  readonly callsPerWindow: number;
  readonly maxConcurrent: number;
  readonly maxBatch: number;
  readonly maxQueued: number;
  readonly deadlineMs: number;
  readonly callMs: number;
  readonly singleRate: number;
};

type Row = {
  readonly leadsPerSecond: number;
  readonly leads: number;
  readonly singles: number;
  readonly result: DayResult;
  /** Null: no wait would have been long enough. */
  readonly hindsight: Waits | null;
};

/** More would take long, and no subscription carries them. */
const MAX_LEADS = 20_000_000;

function simulateRate(rate: number, common: Common): Row {
  const { singleRate, callsPerDay, maxBatch } = common;
  const seconds = (common.toMs - common.fromMs) / 1000;
  if ((rate + singleRate) * seconds > MAX_LEADS)
    throw misused('simulate', 'These are more than 20 million leads.');
  const random = createRandom();
  const batchable = arrivalsOf(rate, common, random);
  const single = arrivalsOf(singleRate, common, random);
  const result = simulateDay({
    limits: {
      callsPerWindow: common.callsPerWindow,
      maxConcurrent: common.maxConcurrent,
      dailyCalls: callsPerDay,
    },
    maxBatch,
    maxQueued: common.maxQueued,
    deadlineMs: common.deadlineMs,
    startsAt: MIDNIGHT,
    lastsMs: 24 * HOUR_MS - 1,
    leads: { batchable, single },
    callMs: () => common.callMs,
  });
  const forBatches = Math.max(callsPerDay - single.length, callsPerDay - result.sent.single);
  const hindsight = waitsInHindsight(batchable, forBatches, maxBatch) ?? null;
  return { leadsPerSecond: rate, leads: batchable.length, singles: single.length, result, hindsight };
}

/** Arrival times in ms, ascending. */
function arrivalsOf(rate: number, { fromMs, toMs, isEven }: Common, random: () => number): Float64Array {
  const times: number[] = [];
  if (rate === 0) return new Float64Array();
  const nextGapMs = () => ((isEven ? 1 : -Math.log(1 - random())) * 1000) / rate;
  for (let atMs = fromMs + nextGapMs(); atMs < toMs; atMs += nextGapMs()) times.push(atMs);
  return Float64Array.from(times);
}

/** Mulberry32: the same numbers at every run, so that two tables can be compared. */
function createRandom(): () => number {
  let state = 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function tableOf(rows: readonly Row[], { callsPerDay, singleRate, fromMs, toMs }: Common): string {
  const head = [
    'leads/s',
    'leads',
    'refused',
    'calls',
    'wait p50',
    'p99',
    'longest',
    'with hindsight',
    'day ends',
  ];
  const cells = rows.map(({ leadsPerSecond, leads, singles, result, hindsight }) => {
    const { refused, busy, unreachable, waitMs, endedAtMs } = result;
    const total = refused.batchable + refused.single + busy + unreachable;
    return [
      String(leadsPerSecond),
      whole(leads + singles),
      whole(total),
      whole(result.calls),
      secondsOf(waitMs.p50),
      secondsOf(waitMs.p99),
      secondsOf(waitMs.max),
      hindsight === null ? 'none' : secondsOf(hindsight.max),
      endedAtMs === null ? '–' : timeOf(endedAtMs),
    ];
  });
  const widths = head.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const lineOf = (row: readonly string[]) =>
    row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  ');
  const beside = singleRate > 0 ? `, beside ${singleRate} a second that can only go alone` : '';
  return `${whole(callsPerDay)} calls a day, leads from ${timeOf(fromMs)} to ${timeOf(toMs)} US Central time${beside}

${[head, ...cells].map(lineOf).join('\n')}
`;
}

function whole(number: number): string {
  return number.toLocaleString('en-US');
}

function secondsOf(ms: number): string {
  return ms === 0 ? '0' : `${(ms / 1000).toFixed(1)} s`;
}

function timeOf(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

function numberOf(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const number = Number(text);
  if (/^\d*\.?\d+$/.test(text.trim())) return number;
  throw misused('simulate', `--${name} must be a number, not ${text}.`);
}

function wholeOf(name: string, text: string | undefined, otherwise: number): number {
  const number = numberOf(name, text, otherwise);
  if (Number.isInteger(number) && number > 0) return number;
  throw misused('simulate', `--${name} must be a whole number above 0, not ${text}.`);
}
