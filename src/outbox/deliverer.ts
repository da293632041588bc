import { type ErrorCode, GatewayError } from '../leads/errors.ts';
import type { CallTiming, Gathering, LeadDirectory, UpsertResult } from '../leads/lead.ts';
import type { ReceiptProblem } from '../leads/outbox.ts';
import { type Cancellation, createCancellation } from '../runtime/cancellation.ts';
import { orderingKeys } from '../leads/ordering-keys.ts';
import { type Clock, createSteadyTime, createWakeTimer, type WakeTimer } from '../runtime/clock.ts';
import { verdictOn } from './attempt-verdict.ts';
import type { DeliveryObserver } from './delivery-observer.ts';
import type { DirectOrder } from './direct-order.ts';
import type { ClaimQuery, OutboxStore, PendingLead, Settlement } from './store.ts';
import { createRecorder, STORE_RETRY_MS } from './recorder.ts';
import { createSuspects, type Suspects } from './suspects.ts';
import { type Payload, readPayload, writeProblem } from './texts.ts';

/** How an attempt ended. `retry` and `failed` have the problem it met. */
export type Delivery =
  | { readonly kind: 'delivered'; readonly result: UpsertResult }
  | { readonly kind: 'failed' | 'retry' | 'stopped'; readonly error: GatewayError }
  /** Another replica has taken the lead, or the operator has removed it. */
  | { readonly kind: 'lost' };

export type DelivererOptions = {
  readonly store: Pick<OutboxStore, 'claim' | 'settle' | 'expire' | 'onLost'>;
  readonly directory: LeadDirectory;
  readonly clock: Clock;
  /** 0 up to but not 1. */
  readonly random: () => number;
  /** How long after its acceptance a lead is tried, in ms. */
  readonly maxAgeMs: number;
  readonly observer: DeliveryObserver;
  /** Of DirectOrder. */
  readonly clearFor: DirectOrder['clearFor'];
};

export type Deliverer = {
  /** To be called when leads may be due. */
  wake(): void;
  /** Tries a lead at once, whatever its schedule says, and resolves when what became of it is recorded. */
  deliverNow(lead: PendingLead): Promise<Delivery>;
  /** Stops a lead that the store no longer has, unless it is in a call already. */
  drop(seq: number): void;
  /** Ends the pause of all leads: one finds out at once whether the others can go. */
  probe(): void;
  /** To be called when a direct lead has gone through; ends the pause. */
  relieve(): void;
  /** The problem because of which no lead is tried by its schedule; undefined: leads are tried. */
  pausedBy(): ErrorCode | undefined;
  /** Until when no lead is tried by its schedule, in ms since 1970; 0: leads are tried. */
  pausedUntil(): number;
  /** Tries no more leads; resolves when the attempts under way have ended, which the directory sees to, and are recorded. */
  stop(): Promise<void>;
};

/**
 * Leads that are asked for at a time, and under way at a time: as many as ten full calls have, the most that a subscription
 * makes at a time, and two more wait, so that each call finds enough to be full.
 */
const CLAIM = 100;
const MAX_UNDER_WAY = 3600;
/** The same of leads that need a call each. However many are due, they hold up no others. */
const CLAIM_ALONE = 20;
const MAX_ALONE = 60;

/** Leads that someone waits for take turns with the callers, as one caller. */
const CALLER = { key: 'outbox', address: undefined };

type UnderWay = Signals & { readonly delivery: Promise<Delivery> };

type Signals = {
  /** Is cancelled when someone waits for the lead. */
  readonly background: Cancellation;
  /** Is cancelled when the lead must not go: what is not sent by then is not sent at all. */
  readonly signal: Cancellation;
};

/** What is known of a lead on its way. Its text is read, and would only take room until the end. */
type Known = Omit<PendingLead, 'payload'>;

type State = DelivererOptions & {
  /** Leads on their way, by seq, until their end is recorded. */
  readonly underWay: Map<number, UnderWay>;
  readonly suspects: Suspects;
  /** How many of them go alone. */
  alone: number;
  /** Leads that come with several claims go together. */
  gathering: Gathering | undefined;
  readonly recorder: ReturnType<typeof createRecorder>;
  readonly timer: WakeTimer;
  /** What leads are scheduled by: a clock that is set back must not make them wait for the time that comes twice. */
  readonly steadyNow: () => number;
  /** In steady time. */
  pausedUntil: number;
  /** In monotonic ms. */
  readonly startedMs: number;
  /** Attempts in a row that have failed for a reason that concerns all leads. */
  failedInRow: number;
  /** The problem of the last of them. */
  pausedBy: ErrorCode | undefined;
  isClaiming: boolean;
  /** Whether leads may have become due since the claim under way was asked for. */
  isWoken: boolean;
  isStopped: boolean;
};

/**
 * Feeds leads of the store to the directory, a few calls' worth at a time, the longest due first. A problem that concerns
 * all leads pauses all; after it one lead finds out whether the others can go.
 */
export function createDeliverer(options: DelivererOptions): Deliverer {
  const { clock } = options;
  const state: State = {
    ...options,
    underWay: new Map(),
    suspects: createSuspects(),
    alone: 0,
    gathering: undefined,
    recorder: createRecorder(options),
    timer: createWakeTimer(clock, () => void pump(state)),
    steadyNow: createSteadyTime(clock),
    startedMs: clock.monotonicMs(),
    pausedUntil: 0,
    failedInRow: 0,
    pausedBy: undefined,
    isClaiming: false,
    isWoken: false,
    isStopped: false,
  };
  options.store.onLost((seqs) => {
    for (const seq of seqs) state.underWay.get(seq)?.signal.cancel();
  });
  return {
    wake: () => void pump(state),
    deliverNow(lead) {
      const { delivery, background } = start(state, lead);
      background.cancel();
      return delivery;
    },
    drop: (seq) => state.underWay.get(seq)?.signal.cancel(),
    probe() {
      state.pausedUntil = 0;
      void pump(state);
    },
    relieve() {
      if (state.failedInRow === 0) return;
      resume(state);
      void pump(state);
    },
    pausedBy: () => (state.failedInRow > 0 ? state.pausedBy : undefined),
    pausedUntil() {
      const pauseMs = state.pausedUntil - state.steadyNow();
      return pauseMs > 0 ? clock.now() + pauseMs : 0;
    },
    async stop() {
      state.isStopped = true;
      state.recorder.hurry();
      await Promise.all([...state.underWay.values()].map(({ delivery }) => delivery));
    },
  };
}

function start(state: State, lead: PendingLead, gathering?: Gathering): UnderWay {
  const { underWay, recorder } = state;
  const { seq, id, since, goesAlone, attempts, takenOver } = lead;
  const running = underWay.get(seq);
  if (running !== undefined) return running;
  const [background, signal] = [createCancellation(), createCancellation()];
  const known = { seq, id, since, goesAlone, attempts, takenOver };
  const payload = readPayload(lead.payload);
  const delivery = attempt(state, known, payload, { background, signal, gathering }).then(async (ended) => {
    if (ended.delivery.kind === 'stopped') state.isStopped = true;
    if (ended.settlement !== undefined) await recorder.record(ended.settlement);
    underWay.delete(seq);
    if (goesAlone) state.alone -= 1;
    void pump(state);
    return ended.delivery;
  });
  const started = { background, signal, delivery };
  underWay.set(seq, started);
  if (goesAlone) state.alone += 1;
  return started;
}

/** Claims leads that are due, or sets the timer for the next. */
async function pump(state: State): Promise<void> {
  const { steadyNow, store, underWay } = state;
  // A lead that is appended now may be too late for the claim under way.
  state.isWoken = state.isClaiming;
  const limits = mayClaim(state);
  if (limits === undefined) {
    if (state.pausedUntil > steadyNow()) wakeAt(state, state.pausedUntil);
    return;
  }
  state.isClaiming = true;
  try {
    const except = [...underWay.keys()];
    const { leads, nextAt } = await store.claim({ dueAt: steadyNow(), ...limits, except });
    state.isClaiming = false;
    if (state.isStopped) return;
    // One finds out; the other kind is found again.
    startAll(state, state.failedInRow > 0 ? leads.slice(0, 1) : leads);
    if (nextAt !== null) wakeAt(state, nextAt);
    if (state.isWoken || isExhausted(leads, limits)) void pump(state);
    if (!state.isClaiming) goNow(state);
  } catch {
    state.isClaiming = false;
    goNow(state);
    wakeAt(state, steadyNow() + STORE_RETRY_MS);
  }
}

/** Whether more leads may be due than were asked for. */
function isExhausted(leads: readonly PendingLead[], { limit, aloneLimit }: Limits): boolean {
  const alone = leads.filter(({ goesAlone }) => goesAlone).length;
  return (limit > 0 && leads.length - alone === limit) || (aloneLimit > 0 && alone === aloneLimit);
}

/** Leads of one claim, and of those that follow at once, go together. */
function startAll(state: State, leads: readonly PendingLead[]): void {
  state.gathering ??= { done: undefined };
  for (const lead of leads) start(state, lead, state.gathering);
}

function goNow(state: State): void {
  const { gathering } = state;
  state.gathering = undefined;
  gathering?.done?.();
}

/** @param atMs in steady time */
function wakeAt({ timer, clock, steadyNow }: State, atMs: number): void {
  timer.set(clock.monotonicMs() + Math.max(0, atMs - steadyNow()));
}

/** While all are paused, those that are too old are not tried any more. */
async function giveUpOld(state: State, at: number, met: ReceiptProblem): Promise<void> {
  const { store, underWay, maxAgeMs } = state;
  const olderThan = at - maxAgeMs;
  try {
    for (let expired = 1; expired > 0 && !state.isStopped;) {
      expired = await store.expire({ olderThan, at, ...problemOf(met), except: [...underWay.keys()] });
    }
  } catch {
    // The next failure brings the next attempt.
  }
}

type Limits = Pick<ClaimQuery, 'limit' | 'aloneLimit'>;

/** How many leads of each kind may be claimed now; undefined: none. */
function mayClaim(state: State): Limits | undefined {
  const { isClaiming, isStopped, pausedUntil, failedInRow, underWay, alone, steadyNow } = state;
  if (isClaiming || isStopped || pausedUntil > steadyNow()) return undefined;
  // One finds out whether the others can go.
  if (failedInRow > 0) return underWay.size === 0 ? { limit: 1, aloneLimit: 1 } : undefined;
  const limit = underWay.size - alone <= MAX_UNDER_WAY - CLAIM ? CLAIM : 0;
  const aloneLimit = alone <= MAX_ALONE - CLAIM_ALONE ? CLAIM_ALONE : 0;
  return limit + aloneLimit === 0 ? undefined : { limit, aloneLimit };
}

type Ended = { readonly delivery: Delivery; readonly settlement: Settlement | undefined };

/** Makes one attempt with a lead and decides what becomes of it. */
async function attempt(
  state: State,
  lead: Known,
  payload: Payload | undefined,
  { background, signal, gathering }: Signals & { readonly gathering: Gathering | undefined },
): Promise<Ended> {
  const { directory, clock } = state;
  const { seq, id } = lead;
  if (payload === undefined) return keepUnreadable(state, lead);
  const { command, requestId, trace } = payload;
  let inCall = 0;
  const report = ({ batchSize }: CallTiming) => void (inCall = batchSize);
  const apart = state.suspects.groupOf(seq);
  const takenOverMs = whenTakenOver(state, lead);
  try {
    const way = state.clearFor(orderingKeys(command), seq);
    if (way !== undefined) await way;
    const { leadId, status } = await directory.upsert(command, {
      caller: CALLER,
      requestId,
      trace,
      background,
      signal,
      apart,
      report,
      takenOverMs,
      // What had to wait for a direct lead does not go with those that were claimed with it.
      gathering: way === undefined ? gathering : undefined,
    });
    state.suspects.ended(seq);
    if (state.failedInRow > 0) resume(state);
    const result = { leadId, status };
    return {
      delivery: { kind: 'delivered', result },
      settlement: { kind: 'delivered', seq, id, at: clock.now(), result: JSON.stringify(result) },
    };
  } catch (thrown) {
    if (signal.aborted) return { delivery: { kind: 'lost' }, settlement: undefined };
    return afterFailure(state, lead, { error: toGatewayError(thrown), requestId }, inCall);
  }
}

function resume(state: State): void {
  Object.assign(state, { failedInRow: 0, pausedUntil: 0 });
  state.observer.resumed();
}

/** The latest time at which another process may have begun a call with the lead, in monotonic ms; undefined if none did. */
function whenTakenOver({ clock, startedMs }: State, { takenOver }: Known): number | undefined {
  switch (takenOver) {
    case 'no':
      return undefined;
    case 'at-start':
      return startedMs;
    case 'now':
      return clock.monotonicMs();
  }
}

/** How long after an attempt a lead is looked at again that cannot be read, in ms. */
const UNREADABLE_RETRY_MS = 600_000;

/** What cannot be read waits until it can, however old it is: its key may be missing. */
function keepUnreadable({ clock, steadyNow }: State, { seq, id }: Known): Ended {
  const at = clock.now();
  const error = new GatewayError('internal-error', {
    detail: 'What is kept of this lead cannot be read; a key to decrypt it may be missing.',
  });
  const problem = problemOf({ error, requestId: '' });
  return {
    delivery: { kind: 'retry', error },
    settlement: { kind: 'retry', seq, id, at, nextAt: steadyNow() + UNREADABLE_RETRY_MS, ...problem },
  };
}

/** @param inCall leads of the call; 0: there was none */
function afterFailure(
  state: State,
  { seq, id, attempts, since }: Known,
  met: ReceiptProblem,
  inCall: number,
): Ended {
  const { error } = met;
  const at = state.clock.now();
  const { failedInRow, maxAgeMs, random, suspects, steadyNow } = state;
  const verdict = verdictOn({
    error,
    failedBefore: attempts,
    failedInRow,
    ageMs: at - since,
    maxAgeMs,
    isItsOwn: failedInRow === 0 && inCall === 1 && suspects.wasAlone(seq),
    random,
  });
  const delivery: Delivery = { kind: verdict.kind, error };
  switch (verdict.kind) {
    case 'stopped':
      return { delivery, settlement: undefined };
    case 'failed':
      suspects.ended(seq);
      state.observer.failed(met);
      return { delivery, settlement: { kind: 'failed', seq, id, at, ...problemOf(met) } };
    case 'retry': {
      suspects.failed(seq, error.code, inCall);
      const nextAt = steadyNow() + verdict.afterMs;
      // Leads of one call fail together: that is one failure.
      if (verdict.pausesAll && state.pausedUntil <= steadyNow()) {
        if (failedInRow === 0) state.observer.paused(met);
        Object.assign(state, {
          pausedUntil: nextAt,
          failedInRow: state.failedInRow + 1,
          pausedBy: error.code,
        });
        void giveUpOld(state, at, met);
      }
      return { delivery, settlement: { kind: 'retry', seq, id, at, nextAt, ...problemOf(met) } };
    }
  }
}

function problemOf(met: ReceiptProblem) {
  return { problem: writeProblem(met), code: met.error.code };
}

function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError('internal-error', {
    detail: 'The gateway failed because of a defect.',
    cause: thrown,
  });
}
