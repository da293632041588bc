import { type ErrorCode, GatewayError } from '../leads/errors.ts';
import type { LeadDirectory, UpsertLead, UpsertResult } from '../leads/lead.ts';
import { orderingKeys } from '../leads/ordering-keys.ts';
import type {
  AcceptedLead,
  AcceptRequest,
  BatchIntake,
  BatchReceipt,
  LeadOutbox,
  OutboxAdministration,
  Receipt,
} from '../leads/outbox.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import { createTimeSlice, type TimeSlice } from '../runtime/time-slice.ts';
import { createAdministration } from './administration.ts';
import { type AppendedLead, createIntake, MAX_FAILURES, toBatchReceipt } from './batches.ts';
import { createRequestClaims, type RequestClaims } from './claims.ts';
import { createDeliverer, type Deliverer } from './deliverer.ts';
import { createDirectWriter } from './direct.ts';
import { type DeliveryObserver, NO_OBSERVER } from './delivery-observer.ts';
import { createDirectOrder, type DirectOrder } from './direct-order.ts';
import type { AppendedBatch, Idempotency, OutboxStore, Recalled } from './store.ts';
import { hashOf, subjectOf } from './subject.ts';
import { readProblem, toReceipt, writePayload } from './texts.ts';
import { unavailable, STORE_RETRY_SECONDS } from './unavailable.ts';
import { clearTheWay, createTimeout } from './way.ts';

export type OutboxOptions = {
  readonly store: OutboxStore;
  /** Writes leads now. */
  readonly directory: LeadDirectory;
  readonly clock: Clock;
  /** 0 up to but not 1. */
  readonly random: () => number;
  readonly randomBytes: (size: number) => Buffer;
  /** Whether a lead needs a call of its own. */
  readonly goesAlone: (command: UpsertLead) => boolean;
  /** From a direct lead's arrival to its answer, in ms. */
  readonly deadlineMs: number;
  readonly maxAgeMs: number;
  readonly retentionMs: number;
  /** Left out: no one is told. */
  readonly observer?: DeliveryObserver;
};

export type Outbox = LeadOutbox & {
  /** Writes leads now, those of a person behind what is kept of the same person. */
  readonly directory: LeadDirectory;
  /** For the operator. */
  readonly administration: OutboxAdministration;
  /** What the operator should look at, one sentence each. */
  warnings(): readonly string[];
  /** To be called once the directory has refused all that it has not sent. */
  close(): Promise<void>;
};

type Context = OutboxOptions & {
  readonly order: DirectOrder;
  readonly deliverer: Deliverer;
  /** What many callers send at once is not written and encrypted in one turn. */
  readonly slice: TimeSlice;
  readonly claims: RequestClaims;
};

/** 128 bits. */
const ID_BYTES = 16;
/** How often a repeated request that waits looks for the answer, in ms. */
const LOOK_EVERY_MS = 100;
/** How often what is older than the retention is removed, in ms. */
const PRUNE_EVERY_MS = 60_000;

/** A direct lead that has to be kept is behind none: those before it are over. */
const NOT_BEHIND = () => false;

/** Accepts leads and delivers them, beginning with those that a process before this one has left (docs/outbox.md). */
export function createOutbox(options: OutboxOptions): Outbox {
  const { store } = options;
  const order = createDirectOrder();
  const deliverer = createDeliverer({ observer: NO_OBSERVER, ...options, clearFor: order.clearFor });
  const slice = createTimeSlice(options.clock.monotonicMs);
  const context = { ...options, order, deliverer, slice, claims: createRequestClaims() };
  const direct = createDirectWriter(context);
  const stopPruning = startPruning(options);
  deliverer.wake();
  return {
    accept: (command, request) => accept(context, command, request, order.isUnderWay),
    recall: (command, request) => recall(context, command, request),
    acceptBatch: (request) => acceptBatch(context, request),
    receipt: (id) => receiptOf(context, id),
    upsertOrAccept: (command, upsertContext, request) =>
      direct.upsertOrKeep(command, upsertContext, (problem) =>
        accept(context, command, request, NOT_BEHIND).catch((error: unknown) => {
          throw error instanceof GatewayError && error.code === 'idempotency-key-reused' ? error : problem;
        }),
      ),
    directory: direct,
    administration: createAdministration(store, deliverer, options.clock),
    warnings: () => [...store.warnings(), ...warningsOf(deliverer.pausedBy(), store.pending())],
    async close() {
      stopPruning();
      await deliverer.stop();
      await store.close();
    },
  };
}

/** @param isBehindDirect whether a lead with these ordering keys stands behind a direct one */
async function accept(
  context: Context,
  command: UpsertLead,
  request: AcceptRequest,
  isBehindDirect: (orderingKeys: readonly string[]) => boolean,
): Promise<AcceptedLead> {
  const { store, clock, deliverer } = context;
  const turn = context.slice.turn();
  if (turn !== undefined) await turn;
  const { owner, requestId, trace, idempotencyKey } = request;
  if (idempotencyKey !== undefined) context.claims.checkUnclaimed(owner, idempotencyKey);
  const id = newId(context.randomBytes);
  const acceptedAt = clock.now();
  const keys = orderingKeys(command);
  const payload = writePayload({ command, requestId, trace });
  const appended = await store
    .append({
      id,
      owner,
      orderingKeys: keys,
      payload,
      subject: subjectOf(command),
      acceptedAt,
      goesAlone: context.goesAlone(command),
      staysHere: isBehindDirect(keys),
      idempotency: idempotencyKey === undefined ? undefined : idempotencyOf(idempotencyKey, command),
    })
    .catch(unavailable);
  switch (appended.kind) {
    case 'full':
      throw full();
    case 'conflict':
    case 'repeated':
      return acceptedBefore(context, appended);
    case 'appended': {
      deliverer.wake();
      const lead = { id, seq: appended.seq, orderingKeys: keys };
      return { id, answerWithin: (ms) => answerWithin(context, lead, ms) };
    }
  }
}

function acceptBatch(context: Context, request: AcceptRequest): BatchIntake {
  const { store, clock, deliverer, randomBytes } = context;
  return createIntake(
    {
      ...context.claims,
      append: (part) => store.appendBatch(part).catch(unavailable),
      recall: (query) => store.recall(query).catch(unavailable),
      newId: () => newId(randomBytes),
      now: clock.now,
      goesAlone: context.goesAlone,
      isBehindDirect: context.order.isUnderWay,
      check: (appended) => {
        deliverer.wake();
        return batchBefore(appended);
      },
      answerWithin: (lead, ms) => answerWithin(context, lead, ms),
    },
    request,
  );
}

function batchBefore(appended: AppendedBatch): string | undefined {
  switch (appended.kind) {
    case 'full':
      throw full();
    case 'conflict':
      throw reused();
    case 'repeated':
      return appended.id;
    case 'appended':
      return undefined;
  }
}

async function receiptOf(
  { store, deliverer }: Context,
  id: string,
): Promise<Receipt | BatchReceipt | undefined> {
  const state = await store.find(id).catch(unavailable);
  if (state !== undefined) return toReceipt(state, deliverer.pausedUntil());
  const batch = await store.findBatch({ id, limit: MAX_FAILURES }).catch(unavailable);
  return batch && toBatchReceipt(batch, deliverer.pausedUntil());
}

/** Never with a dash in front, which commands would take for an option. */
function newId(randomBytes: OutboxOptions['randomBytes']): string {
  for (;;) {
    const id = randomBytes(ID_BYTES).toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}

async function recall(
  context: Context,
  command: UpsertLead,
  { owner, idempotencyKey }: AcceptRequest,
): Promise<AcceptedLead | undefined> {
  if (idempotencyKey === undefined) return undefined;
  const idempotency = idempotencyOf(idempotencyKey, command);
  // Direct leads go on while the store is away.
  const recalled = await context.store.recall({ owner, idempotency }).catch(() => undefined);
  return recalled && acceptedBefore(context, recalled);
}

function acceptedBefore(context: Context, recalled: Recalled): AcceptedLead {
  if (recalled.kind === 'conflict') throw reused();
  const { id } = recalled;
  return { id, answerWithin: (ms) => knownAnswer(context, id, ms) };
}

/** As hashes: either may hold personal data. */
function idempotencyOf(key: string, command: UpsertLead): Idempotency {
  return { key: hashOf(key), fingerprint: hashOf(JSON.stringify(command)) };
}

/** The answer to a request that was sent again. The process that tries it may be another one. */
async function knownAnswer(
  { store, clock }: Context,
  id: string,
  ms: number,
): Promise<UpsertResult | undefined> {
  const until = clock.monotonicMs() + ms;
  for (;;) {
    // It is kept, whether or not it can be read now.
    const stored = await store.find(id).catch(() => undefined);
    if (stored?.state === 'failed') throw readProblem(stored.problem).error;
    if (stored?.state === 'delivered') return JSON.parse(stored.result) as UpsertResult;
    const leftMs = until - clock.monotonicMs();
    if (leftMs <= 0) return undefined;
    await sleep(clock, Math.min(leftMs, LOOK_EVERY_MS));
  }
}

async function answerWithin(
  context: Context,
  { id, seq, orderingKeys: keys }: AppendedLead,
  ms: number,
): Promise<UpsertResult | undefined> {
  const timeout = createTimeout(context.clock, ms);
  // The lead is the last of those in its own way.
  const way = clearTheWay(context, keys, seq + 1, timeout.signal);
  const answer = way.then((problem) => (problem === undefined ? knownAnswer(context, id, 0) : undefined));
  try {
    return await Promise.race([answer, timeout.ended]);
  } finally {
    timeout.clear();
  }
}

/** Removes what is older than the retention from time to time; gives what stops it. */
function startPruning({ store, clock, retentionMs }: OutboxOptions): () => void {
  let timer: ReturnType<Clock['setTimer']> | undefined;
  let isStopped = false;
  const prune = () => {
    store.prune(clock.now() - retentionMs).then(
      (removed) => set(removed > 0 ? 0 : PRUNE_EVERY_MS),
      () => set(PRUNE_EVERY_MS),
    );
  };
  const set = (ms: number) => {
    if (!isStopped) timer = clock.setTimer(prune, ms);
  };
  set(PRUNE_EVERY_MS);
  return () => {
    isStopped = true;
    clock.clearTimer(timer);
  };
}

function warningsOf(pausedBy: ErrorCode | undefined, pending: number): readonly string[] {
  if (pausedBy === undefined || pending === 0) return [];
  const waiting = `${pending} ${pending === 1 ? 'lead waits' : 'leads wait'} in the outbox`;
  switch (pausedBy) {
    case 'upstream-access-denied':
      return [`Marketo refuses the credentials of the gateway; ${waiting}`];
    case 'upstream-clock-skew':
      return [`Marketo refuses the time of the gateway's clock; ${waiting}`];
    default:
      return [`delivery of kept leads is paused by ${pausedBy}; ${waiting}`];
  }
}

function reused(): GatewayError {
  return new GatewayError('idempotency-key-reused', {
    detail: 'This Idempotency-Key came with another body before; use a new key for each lead.',
  });
}

function full(): GatewayError {
  return new GatewayError('unavailable', {
    detail: 'The outbox is full; send the lead again after the time in Retry-After.',
    retryAfterSeconds: STORE_RETRY_SECONDS,
  });
}
