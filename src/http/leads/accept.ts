import type { Response } from 'express';
import { hidesOutcome, type Principal } from '../../access/principal.ts';
import type { Origin, UpsertLead, UpsertResult } from '../../leads/lead.ts';
import type { LeadOutbox } from '../../leads/outbox.ts';
import { invalidLead } from '../problems/problem.ts';
import { respondJson, setHeader } from '../respond.ts';
import type { AsyncPreference } from './respond-async.ts';

/** Where an accepted lead may be looked up. */
export const RECEIPTS = '/receipts';

/** When a caller that polls should come for the first time. */
const FIRST_POLL_SECONDS = 2;

/** Whose receipts a caller may see: those of its key or application. */
export function ownerOf({ kind, name }: Pick<Principal, 'kind' | 'name'>): string {
  return `${kind} ${name}`;
}

export type AcceptDeps = {
  readonly outbox: LeadOutbox;
  /** From a request's arrival to its answer, in ms. */
  readonly deadlineMs: number;
  /** Of the address, in front of paths. */
  readonly prefix: string;
};

/**
 * Keeps a lead and answers with 202 once it is durable, or with the result if the caller waits for it and it is there in
 * time (docs/outbox.md).
 *
 * @returns the result that is still to be answered with
 */
export async function acceptLead(
  { outbox, deadlineMs, prefix }: AcceptDeps,
  command: UpsertLead,
  preference: AsyncPreference,
  { caller, origin, res }: { readonly caller: Principal; readonly origin: Origin; readonly res: Response },
): Promise<UpsertResult | undefined> {
  if (command.returnLead) throw invalidLead([CANNOT_RETURN]);
  const lead = await outbox.accept(command, { ...origin, owner: ownerOf(caller) });
  const { waitSeconds } = preference;
  if (waitSeconds !== undefined && waitSeconds > 0) {
    const result = await lead.answerWithin(Math.min(deadlineMs, waitSeconds * 1000));
    if (result !== undefined) {
      setHeader(res, 'Preference-Applied', `wait=${waitSeconds}`);
      return result;
    }
  }
  setHeader(res, 'Preference-Applied', 'respond-async');
  if (hidesOutcome(caller)) {
    respondJson(res, 202, { status: 'ACCEPTED' });
    return undefined;
  }
  const receipt = `${prefix}${RECEIPTS}/${lead.id}`;
  setHeader(res, 'Location', receipt);
  setHeader(res, 'Retry-After', FIRST_POLL_SECONDS);
  respondJson(res, 202, { status: 'ACCEPTED', receipt });
  return undefined;
}

const CANNOT_RETURN = {
  pointer: '#/returnLead',
  detail: 'must be false or left out where the answer may be 202, which has no lead',
};
