import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import { hidesOutcome, type Principal } from '../../access/principal.ts';
import { GatewayError } from '../../leads/errors.ts';
import type { UpsertLead, UpsertResult } from '../../leads/lead.ts';
import type { AcceptedLead, AcceptRequest, LeadOutbox } from '../../leads/outbox.ts';
import { invalidLead } from '../problems/problem.ts';
import { isRepeated } from '../repeated-header.ts';
import { respondJson, setHeader } from '../respond.ts';
import { asyncPreference } from './preferences.ts';

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
 * How a request is answered. `now`: with what becomes of the lead; `accept`: once it is kept, or with what becomes of it if
 * that is known within `waitSeconds`; `fallback`: as `now`, unless a problem would pass.
 */
export type DeliveryMode =
  | { readonly kind: 'now' | 'fallback' }
  | {
      readonly kind: 'accept';
      readonly waitSeconds: number | undefined;
      /** Whether the request asks for it, and not the key. */
      readonly isPreferred: boolean;
    };

export const NOW: DeliveryMode = { kind: 'now' };
const FALLBACK: DeliveryMode = { kind: 'fallback' };
const ALWAYS: DeliveryMode = { kind: 'accept', waitSeconds: undefined, isPreferred: false };

/** How a request of this caller is answered while leads can be accepted (docs/outbox.md#accepting). */
export function deliveryModeOf(
  caller: Principal,
  { headers }: Pick<IncomingMessage, 'headers'>,
): DeliveryMode {
  const { delivery = hidesOutcome(caller) ? 'accept' : undefined } = caller;
  if (delivery === 'accept') return ALWAYS;
  if (delivery === 'sync') return NOW;
  const preference = asyncPreference(headers);
  if (preference !== undefined) {
    // How long the answer takes would reveal the outcome.
    const waitSeconds = hidesOutcome(caller) ? undefined : preference.waitSeconds;
    return { kind: 'accept', isPreferred: true, waitSeconds };
  }
  return delivery === 'fallback' ? FALLBACK : NOW;
}

/** Refuses what an answer with 202 cannot give. */
export function checkAcceptable(command: UpsertLead): void {
  if (command.returnLead) throw invalidLead([CANNOT_RETURN], 1);
}

const CANNOT_RETURN = {
  pointer: '#/returnLead',
  detail: 'must be false or left out where the answer may be 202, which has no lead',
};

/** RFC 9110, 5.5: what a field's value may have of ASCII. */
const IDEMPOTENCY_KEY = /^[\u0020-\u007E]{1,255}$/;

/** A caller's name for its request, so that sending it again accepts nothing twice; undefined if it has no name. */
export function idempotencyKeyIn({
  headers,
  rawHeaders,
}: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  // Node joins two lines with a comma, which a key may have.
  if (isRepeated(rawHeaders, 'idempotency-key')) {
    throw new GatewayError('validation-failed', {
      detail: 'The header Idempotency-Key may occur only once in a request.',
    });
  }
  if (typeof key === 'string' && IDEMPOTENCY_KEY.test(key)) return key;
  throw new GatewayError('validation-failed', {
    detail: 'The header Idempotency-Key must have 1 to 255 printable characters of ASCII.',
  });
}

/** Keeps a lead; gives it once it is durable, or its result if the caller waits for it and it is there in time. */
export async function acceptLead(
  deps: AcceptDeps,
  command: UpsertLead,
  { waitSeconds = 0, isPreferred }: Extract<DeliveryMode, { kind: 'accept' }>,
  request: AcceptRequest,
  res: Response,
): Promise<UpsertResult | AcceptedLead> {
  const lead = await deps.outbox.accept(command, request);
  if (waitSeconds > 0) {
    const waitMs = Math.min(deps.deadlineMs, waitSeconds * 1000);
    const result = await lead.answerWithin(waitMs);
    if (result !== undefined) {
      setHeader(res, 'Preference-Applied', `wait=${Math.floor(waitMs / 1000)}`);
      return result;
    }
  }
  if (isPreferred) setHeader(res, 'Preference-Applied', 'respond-async');
  return lead;
}

/** Answers with 202; a caller that must not learn what becomes of a lead gets no receipt. */
export function respondAccepted(res: Response, caller: Principal, id: string, prefix: string): void {
  if (hidesOutcome(caller)) {
    respondJson(res, 202, { status: 'ACCEPTED' });
    return;
  }
  const receipt = `${prefix}${RECEIPTS}/${id}`;
  setHeader(res, 'Location', receipt);
  setHeader(res, 'Retry-After', FIRST_POLL_SECONDS);
  respondJson(res, 202, { status: 'ACCEPTED', receipt });
}
