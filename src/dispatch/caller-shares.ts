import type { DayTime } from './daily-quota.ts';
import { topOf } from './callers.ts';
import type { Caller, Job } from './job.ts';
import { NO_PEERS, type PeerLoad } from './permits.ts';
import type { Quota } from './quota.ts';

/** How the callers share what is left of the day, where one would use it up. */
export type CallerShares = {
  /** A lead or a lookup of the caller has come. */
  arrived(caller: Caller): void;
  /** A call with these jobs is made: each caller has had its part of it. */
  called(jobs: readonly Job[]): void;
  /** Whether another lead of the caller may wait, or the calls that are left are the others'. */
  mayGo(caller: Caller): boolean;
  /** The part of the calls that is not of callers that have had theirs; a half at least. */
  part(): number;
};

/** A caller, and what it has sent. */
type Party = {
  /** Calls that it has had since callers began to compete. */
  own: number;
  arrived: number;
  called: number;
  /** Leads a ms: of the last hour, and of the last minute. */
  lastHour: number;
  recent: number;
  /** Calls a ms, of the last hour. */
  calls: number;
  isRefused: boolean;
};

/** The calls that were left when callers began to compete, and the time. */
type Pool = { readonly calls: number; readonly msLeft: number; readonly day: number };

/** How fast past demand fades, in ms: what the rest of the day brings, and what those who send leads now would need. */
const HOUR_MS = 3_600_000;
const RECENT_MS = 60_000;
/** Who may go is found out this often, in ms. */
const LOOK_MS = 1000;
/** Callers compete when two are expected to need more than this part of the day's calls. Their parts are kept for as long as they need any. */
const LEAST_SHARE = 0.002;
const LEAST_CALLS = 0.1;
/**
 * Calls run short when fewer than this part of those are left that an even use would have left, or fewer than are reserved
 * for those that have not had their part.
 */
const SHORT = 0.9;
/** A caller has had its part from here on: its leads that wait already take calls, too. */
const REACHED = 0.96;
/** What they take at most where no other leads share their calls, as a part of the day's calls. */
const WAITING = 0.01;

type State = {
  readonly parties: Map<string, Party>;
  pool: Pool | undefined;
  foldedMs: number;
  part: number;
};

type CallerSharesOptions = {
  readonly quota: Pick<Quota, 'dayLeft' | 'dayTime' | 'limits'>;
  readonly monotonicMs: () => number;
  /** Replicas that share the day are taken to have the same callers. */
  readonly peerLoad?: (() => PeerLoad) | undefined;
};

/**
 * Each caller may have an equal part of the calls that are left when the others begin to need them, and of those that the
 * others do not need (max-min fairness). As long as calls do not run short, no one is held to it.
 */
export function createCallerShares({
  quota,
  monotonicMs,
  peerLoad = () => NO_PEERS,
}: CallerSharesOptions): CallerShares {
  const state: State = { parties: new Map(), pool: undefined, foldedMs: monotonicMs(), part: 1 };
  const partyOf = (caller: Caller): Party => {
    const { id } = topOf(caller);
    const known = state.parties.get(id);
    if (known !== undefined) return known;
    const party = { own: 0, arrived: 0, called: 0, lastHour: 0, recent: 0, calls: 0, isRefused: false };
    state.parties.set(id, party);
    return party;
  };
  const look = () => {
    const elapsedMs = monotonicMs() - state.foldedMs;
    if (elapsedMs < LOOK_MS) return;
    state.foldedMs += elapsedMs;
    for (const [id, party] of state.parties) {
      fold(party, elapsedMs);
      if (state.pool === undefined && party.lastHour < FORGOTTEN) state.parties.delete(id);
    }
    share(state, quota, peerLoad().activePeers);
  };
  return {
    arrived(caller) {
      partyOf(caller).arrived += 1;
    },
    called(jobs) {
      for (const { callers, isBackground } of jobs) {
        const [caller] = callers;
        if (caller !== undefined && !isBackground) partyOf(caller).called += 1 / jobs.length;
      }
    },
    mayGo(caller) {
      look();
      return state.pool === undefined || !partyOf(caller).isRefused;
    },
    part() {
      look();
      return state.part;
    },
  };
}

/** A lead a year. */
const FORGOTTEN = 1 / (365 * 24 * HOUR_MS);

function fold(party: Party, elapsedMs: number): void {
  const faded = (rate: number, count: number, ms: number) =>
    rate + (count / elapsedMs - rate) * (1 - Math.exp(-elapsedMs / ms));
  party.lastHour = faded(party.lastHour, party.arrived, HOUR_MS);
  party.recent = faded(party.recent, party.arrived, RECENT_MS);
  party.calls = faded(party.calls, party.called, HOUR_MS);
  party.own += party.called;
  party.arrived = 0;
  party.called = 0;
}

/** Finds out who may go. */
function share(
  state: State,
  { dayLeft, dayTime, limits }: CallerSharesOptions['quota'],
  replicas: number,
): void {
  const time = dayTime();
  const parties = [...state.parties.values()];
  const leadsOf = ({ lastHour, recent }: Party) => Math.max(lastHour, recent) * time.leftMs * replicas;
  const needs = parties.map(leadsOf);
  const needing = (least: number) => needs.filter((calls) => calls > least).length;
  const areCompeting = needing(limits.dailyCalls * LEAST_SHARE) > 1;
  if (!areCompeting && (state.pool === undefined || needing(LEAST_CALLS) < 2)) state.pool = undefined;
  else if (state.pool?.day !== time.count) {
    state.pool = { calls: dayLeft(), msLeft: time.leftMs, day: time.count };
    for (const party of parties) party.own = 0;
  }
  const { pool } = state;
  const claims = parties.map(({ own }, index) => own * replicas + (needs[index] ?? 0));
  const most = pool === undefined ? Number.POSITIVE_INFINITY : fairShare(claims, pool.calls) * REACHED;
  const [reached, others] = split(parties, ({ own }) => own * replicas >= most);
  const evenly = pool !== undefined && areCompeting ? evenlyLeft(pool, limits.dailyCalls, time) : 0;
  const waiting =
    limits.dailyCalls * WAITING * others.reduce((highest, one) => Math.max(highest, goesAlone(one)), 0);
  const reserved = reservedFor(others, leadsOf) + waiting;
  const isShort = dayLeft() < Math.max(SHORT * evenly, reserved);
  for (const party of others) party.isRefused = false;
  for (const party of reached) party.isRefused = isShort;
  const refused = isShort ? total(reached, ({ own }) => own * replicas) : 0;
  state.part = pool === undefined ? 1 : Math.max(0.5, 1 - refused / Math.max(1, pool.calls));
}

/**
 * Calls for the leads to come: as many for each as those so far took, and where each had its own as many again, or the pace of
 * the day would have them wait for one another.
 */
function reservedFor(parties: readonly Party[], leadsOf: (party: Party) => number): number {
  return total(parties, (party) => leadsOf(party) * (callsPerLead(party) + goesAlone(party)));
}

function callsPerLead({ calls, lastHour }: Party): number {
  return lastHour === 0 ? 0 : Math.min(1, calls / lastHour);
}

/** 1 where each lead has a call of its own, and next to nothing where several share one. */
function goesAlone(party: Party): number {
  return callsPerLead(party) ** 3;
}

function split<Item>(items: readonly Item[], isFirst: (item: Item) => boolean): [Item[], Item[]] {
  const [first, second]: [Item[], Item[]] = [[], []];
  for (const item of items) (isFirst(item) ? first : second).push(item);
  return [first, second];
}

function total<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}

/** What the pace of the day (day-plan.ts) would have left of the pool by now, if no call had been made beside it. */
function evenlyLeft({ calls, msLeft }: Pool, dailyCalls: number, { leftMs, lengthMs }: DayTime): number {
  const perMs = dailyCalls / lengthMs;
  const credit = calls / (perMs * msLeft);
  const part = leftMs / msLeft;
  return credit <= 1 ? calls * part : (perMs * leftMs) / (1 - (1 - 1 / credit) * part);
}

/** The most that each may have so that all have an equal part, but for those who claim less. */
function fairShare(claims: readonly number[], calls: number): number {
  let left = calls;
  const ascending = claims.toSorted((a, b) => a - b);
  for (const [index, claim] of ascending.entries()) {
    const equal = left / (ascending.length - index);
    if (claim >= equal) return equal;
    left -= claim;
  }
  return Number.POSITIVE_INFINITY;
}
