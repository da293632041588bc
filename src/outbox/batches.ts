import { createHash, type Hash } from 'node:crypto';
import { GatewayError } from '../leads/errors.ts';
import type { UpsertLead, UpsertResult } from '../leads/lead.ts';
import { orderingKeys } from '../leads/ordering-keys.ts';
import type { AcceptedBatch, AcceptRequest, BatchIntake, BatchReceipt } from '../leads/outbox.ts';
import type { RequestClaims } from './claims.ts';
import type { AppendedBatch, BatchState, Idempotency, NewLead, OutboxStore } from './store.ts';
import { STORE_RETRY_SECONDS } from './unavailable.ts';
import { hashOf, subjectOf } from './subject.ts';
import { readProblem, writePayload, writeProblem } from './texts.ts';

/** A lead that is kept. */
export type AppendedLead = {
  readonly id: string;
  readonly seq: number;
  readonly orderingKeys: readonly string[];
};

export type IntakeDeps = RequestClaims & {
  readonly append: OutboxStore['appendBatch'];
  readonly recall: OutboxStore['recall'];
  readonly newId: () => string;
  readonly now: () => number;
  readonly goesAlone: (command: UpsertLead) => boolean;
  /** Whether a lead with these ordering keys stands behind a direct one. */
  readonly isBehindDirect: (orderingKeys: readonly string[]) => boolean;
  /** Throws for what is not kept. @returns the id of the batch that an earlier request made, if it is the same */
  readonly check: (appended: AppendedBatch) => string | undefined;
  readonly answerWithin: (lead: AppendedLead, ms: number) => Promise<UpsertResult | undefined>;
};

/** Failed leads that a receipt names. */
export const MAX_FAILURES = 1000;

type Refusal = { readonly index: number; readonly problem: string };

/** A batch that is taken in. */
type Intake = IntakeDeps & {
  readonly request: AcceptRequest;
  readonly id: string;
  readonly acceptedAt: number;
  /** Of all leads; undefined without an idempotency key. */
  readonly fingerprint: Hash | undefined;
  readonly refusals: Refusal[];
  /** By index, of the first part: leads that are kept, and why others were refused. */
  readonly answers: (AppendedLead | GatewayError)[];
  /** Of the part that has begun. */
  leads: NewLead[];
  total: number;
  refused: number;
  parts: number;
  /** Whether an earlier request has the idempotency key. What it has kept is not kept again. */
  isRepeated: boolean;
  /** Gives the idempotency key back. */
  release: (() => void) | undefined;
};

/** Takes in a batch: its leads wait in memory until they are kept, and go with their places in it. */
export function createIntake(deps: IntakeDeps, request: AcceptRequest): BatchIntake {
  const intake: Intake = {
    ...deps,
    request,
    id: deps.newId(),
    acceptedAt: deps.now(),
    fingerprint: request.idempotencyKey === undefined ? undefined : createHash('sha256'),
    refusals: [],
    answers: [],
    leads: [],
    total: 0,
    refused: 0,
    parts: 0,
    isRepeated: false,
    release: undefined,
  };
  return {
    add: (command) => add(intake, command),
    refuse: (error, content) => refuse(intake, error, content),
    keep: () => keepPart(intake),
    end: () => end(intake),
    close: () => intake.release?.(),
  };
}

function add(intake: Intake, command: UpsertLead): void {
  const { id: batch, acceptedAt, total, newId, fingerprint } = intake;
  const { requestId, trace, owner } = intake.request;
  fingerprint?.update(`${JSON.stringify(command)}\n`);
  const keys = orderingKeys(command);
  intake.leads.push({
    id: newId(),
    owner,
    orderingKeys: keys,
    payload: writePayload({ command, requestId, trace }),
    subject: subjectOf(command),
    acceptedAt,
    idempotency: undefined,
    goesAlone: intake.goesAlone(command),
    staysHere: intake.isBehindDirect(keys),
    batch: { id: batch, index: total },
  });
  intake.total += 1;
}

function refuse(intake: Intake, error: GatewayError, content: Buffer): void {
  const { refusals, answers, total, parts, fingerprint, request } = intake;
  fingerprint?.update(`refused ${content.length}\n`).update(content);
  if (refusals.length < MAX_FAILURES) {
    refusals.push({ index: total, problem: writeProblem({ error, requestId: request.requestId }) });
  }
  if (parts === 0) answers[total] = error;
  intake.total += 1;
  intake.refused += 1;
}

async function keepPart(intake: Intake): Promise<void> {
  const { request, parts, recall } = intake;
  const { idempotencyKey, owner } = request;
  if (idempotencyKey !== undefined && !intake.isRepeated) {
    // Of two that come at the same time, the second is told before anything of it is kept.
    intake.release ??= intake.claim(owner, idempotencyKey);
    const idempotency = { key: hashOf(idempotencyKey), fingerprint: '' };
    intake.isRepeated = (await recall({ owner, idempotency })) !== undefined;
  }
  if (intake.isRepeated) Object.assign(intake, { leads: [], parts: parts + 1 });
  else await append(intake, undefined);
}

/** @returns the id of the batch that an earlier request made, if it is the same */
async function append(intake: Intake, idempotency: Idempotency | undefined): Promise<string | undefined> {
  const { id, acceptedAt, leads, total, refused, refusals, answers } = intake;
  const { owner } = intake.request;
  Object.assign(intake, { leads: [], parts: intake.parts + 1 });
  const counts = { total, refused, refusals: JSON.stringify(refusals) };
  const appended = await intake.append({ id, owner, acceptedAt, leads, ...counts, idempotency });
  if (appended.kind === 'appended' && intake.parts === 1) {
    for (const [nth, lead] of leads.entries()) {
      const seq = appended.seqs[nth];
      if (lead.batch !== undefined && seq !== undefined) answers[lead.batch.index] = { ...lead, seq };
    }
  }
  return intake.check(appended);
}

async function end(intake: Intake): Promise<AcceptedBatch> {
  const { id, request, fingerprint, isRepeated, answers, recall, check, answerWithin } = intake;
  const { idempotencyKey, owner } = request;
  if (idempotencyKey !== undefined && intake.release === undefined)
    intake.checkUnclaimed(owner, idempotencyKey);
  const idempotency =
    idempotencyKey === undefined || fingerprint === undefined
      ? undefined
      : { key: hashOf(idempotencyKey), fingerprint: fingerprint.digest('base64url') };
  if (isRepeated && idempotency !== undefined) {
    const recalled = await recall({ owner, idempotency });
    const known = recalled && check(recalled);
    if (known === undefined) throw forgotten();
    return { id: known, answersWithin: async () => undefined };
  }
  const earlier = await append(intake, idempotency);
  const isWhole = earlier === undefined && intake.parts === 1;
  return {
    id: earlier ?? id,
    answersWithin: async (ms) => (isWhole ? allWithin(answers, ms, answerWithin) : undefined),
  };
}

/** The retention of the earlier request ended meanwhile. */
function forgotten(): GatewayError {
  return new GatewayError('unavailable', {
    detail:
      'The receipt of the earlier request with this Idempotency-Key has just been removed; send the batch again.',
    retryAfterSeconds: STORE_RETRY_SECONDS,
  });
}

async function allWithin(
  leads: readonly (AppendedLead | GatewayError)[],
  ms: number,
  answerWithin: IntakeDeps['answerWithin'],
): Promise<readonly (UpsertResult | GatewayError)[] | undefined> {
  const answerTo = async (lead: AppendedLead | GatewayError) =>
    lead instanceof GatewayError ? lead : answerWithin(lead, ms).catch(toAnswer);
  const answers = await Promise.all(leads.map(answerTo));
  const known = answers.filter((answer) => answer !== undefined);
  return known.length === answers.length ? known : undefined;
}

function toAnswer(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  throw error;
}

/** @param pausedUntil until when no lead is tried, in ms since 1970; 0: leads are tried */
export function toBatchReceipt(state: BatchState, pausedUntil: number): BatchReceipt {
  const { id, owner, acceptedAt, total, delivered, attempts, pending } = state;
  const failed = state.refused + state.failed;
  const problems = [...(JSON.parse(state.refusals) as Refusal[]), ...state.failures];
  const failures = problems
    .toSorted((a, b) => a.index - b.index)
    .slice(0, MAX_FAILURES)
    .map(({ index, problem }) => ({ index, problem: readProblem(problem) }));
  return {
    id,
    owner,
    acceptedAt,
    state: pending > 0 ? 'pending' : failed > 0 ? 'failed' : 'delivered',
    attempts,
    nextAttemptAt: Math.max(state.nextAt ?? acceptedAt, pausedUntil),
    finishedAt: state.finishedAt ?? acceptedAt,
    total,
    delivered,
    failed,
    failures,
  };
}
