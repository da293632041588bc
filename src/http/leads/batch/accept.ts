import type { Request, Response } from 'express';
import { ANONYMOUS, type Principal } from '../../../access/principal.ts';
import { GatewayError } from '../../../leads/errors.ts';
import type { UpsertResult } from '../../../leads/lead.ts';
import type { BatchIntake } from '../../../leads/outbox.ts';
import type { TimeSlice } from '../../../runtime/time-slice.ts';
import { contextOf } from '../../request-context.ts';
import { setHeader } from '../../respond.ts';
import { outOfMemory } from '../../request-body.ts';
import type { BodyAccount } from '../../body-memory.ts';
import { type AcceptDeps, checkAcceptable, idempotencyKeyIn, ownerOf, respondAccepted } from '../accept.ts';
import { type AsyncPreference, asyncPreference } from '../preferences.ts';
import { type CheckedLead, shortened } from './lead.ts';
import type { BatchLead } from './run.ts';

/** A batch that gets one receipt for all its leads (docs/outbox.md#batches). */
export type AcceptedWhole = {
  readonly accepting: AcceptDeps;
  readonly waitSeconds: number;
};

/**
 * Undefined: each lead is answered.
 *
 * @param accepting null: no lead is kept
 * @throws {GatewayError} validation-failed if the header Prefer cannot be read
 */
export function acceptedWhole(
  accepting: AcceptDeps | null,
  { delivery }: Principal,
  { headers }: Pick<Request, 'headers'>,
): AcceptedWhole | undefined {
  if (accepting === null || delivery === 'sync') return undefined;
  const preference: AsyncPreference | undefined = asyncPreference(headers);
  if (preference === undefined) return undefined;
  // Such a key gets 202 for single leads, too, however long the request would wait.
  return { accepting, waitSeconds: delivery === 'accept' ? 0 : (preference.waitSeconds ?? 0) };
}

/** Begins the batch of a request. @throws {GatewayError} if its Idempotency-Key is not one */
export function beginBatch({ accepting }: AcceptedWhole, req: Request, res: Response): BatchIntake {
  const { requestId, trace, caller = ANONYMOUS } = contextOf(res);
  const idempotencyKey = idempotencyKeyIn(req);
  return accepting.outbox.acceptBatch({ requestId, trace, owner: ownerOf(caller), idempotencyKey });
}

/** What is done before other requests run, in bytes; a lead costs at least as much as LEAD_WORK of them. */
const SLICE_WORK = 131_072;
const LEAD_WORK = 2048;

/** Keeps a batch in one commit and answers; with its results if they are there in time. */
export async function acceptList(
  { accepting, waitSeconds }: AcceptedWhole,
  intake: BatchIntake,
  leads: readonly BatchLead<CheckedLead>[],
  slice: TimeSlice,
  res: Response,
  respondResults: (answers: readonly (UpsertResult | GatewayError)[]) => Promise<void>,
): Promise<void> {
  let done = 0;
  slice.begin();
  for (const { lead, work } of leads) {
    done += work + LEAD_WORK;
    if (done >= SLICE_WORK || slice.isUsedUp()) {
      done = 0;
      await slice.next();
    }
    take(intake, lead);
  }
  const { id, answersWithin } = await intake.end();
  const waitMs = Math.min(accepting.deadlineMs, waitSeconds * 1000);
  const answers = waitMs > 0 ? await answersWithin(waitMs) : undefined;
  if (answers !== undefined) {
    setHeader(res, 'Preference-Applied', `wait=${Math.floor(waitMs / 1000)}`);
    await respondResults(answers);
    return;
  }
  respond(res, id, accepting.prefix);
}

/** Of a lead that is refused, in the receipt of its batch. */
const MAX_ERRORS = 10;

function take(intake: BatchIntake, lead: CheckedLead): void {
  if ('end' in lead) throw lead.end;
  if ('refusal' in lead) {
    // Each part is kept with all refusals so far.
    intake.refuse(shortened(lead.refusal, MAX_ERRORS), lead.content);
    return;
  }
  try {
    checkAcceptable(lead.command);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    intake.refuse(error, Buffer.from(JSON.stringify(lead.command)));
    return;
  }
  intake.add(lead.command);
}

function respond(res: Response, id: string, prefix: string): void {
  setHeader(res, 'Preference-Applied', 'respond-async');
  respondAccepted(res, contextOf(res).caller ?? ANONYMOUS, id, prefix);
}

/** What of a stream is kept in one commit: leads, and bytes of them. */
const PART_LEADS = 1000;
const PART_BYTES = 1_048_576;

/** Where the lines of a stream come from. */
export type LineSource = {
  /** The next lead; undefined if none is there yet. */
  readonly next: () => BatchLead<CheckedLead> | undefined;
  /** Resolves when `next` may have more; with false once it never will, as when the client disconnects. */
  readonly more: () => Promise<boolean>;
};

/** Keeps a stream in parts, while it is read, and answers at its end. */
export async function acceptLines(
  { accepting }: AcceptedWhole,
  intake: BatchIntake,
  source: LineSource,
  account: Pick<BodyAccount, 'book' | 'release'>,
  slice: TimeSlice,
  res: Response,
): Promise<void> {
  try {
    await keepParts(intake, source, account, slice);
    // No one is left to be answered.
    if (res.destroyed) return;
    const { id } = await intake.end();
    respond(res, id, accepting.prefix);
  } finally {
    intake.close();
  }
}

async function keepParts(
  intake: BatchIntake,
  { next, more }: LineSource,
  account: Pick<BodyAccount, 'book' | 'release'>,
  slice: TimeSlice,
): Promise<void> {
  let leads = 0;
  let bytes = 0;
  let work = 0;
  const keep = async () => {
    if (leads === 0) return;
    await intake.keep();
    account.release(bytes);
    [leads, bytes] = [0, 0];
  };
  do {
    for (let lead = next(); lead !== undefined; lead = next()) {
      if (!account.book(lead.bytes)) throw outOfMemory();
      take(intake, lead.lead);
      leads += 1;
      bytes += lead.bytes;
      if (leads >= PART_LEADS || bytes >= PART_BYTES) await keep();
      work += lead.work + LEAD_WORK;
      if (work < SLICE_WORK && !slice.isUsedUp()) continue;
      work = 0;
      await slice.next();
    }
  } while (await more());
}
