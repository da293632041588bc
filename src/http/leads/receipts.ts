import type { IRouter, RequestHandler } from 'express';
import { ANONYMOUS, hidesOutcome, type Principal } from '../../access/principal.ts';
import { GatewayError, withoutWords } from '../../leads/errors.ts';
import type { FieldList, LeadFields } from '../../leads/fields.ts';
import type { BatchReceipt, LeadOutbox, Receipt, ReceiptProblem } from '../../leads/outbox.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Access } from '../authenticate.ts';
import type { BaseUrl } from '../base-url.ts';
import { toProblem } from '../problems/problem.ts';
import { contextOf } from '../request-context.ts';
import { respondJson, setHeader } from '../respond.ts';
import { route } from '../route.ts';
import { withSuggestions } from './suggestions.ts';
import { ownerOf, RECEIPTS } from './accept.ts';

export type ReceiptDeps = {
  /** Null: the upstream cannot tell its fields. */
  readonly fields: Pick<LeadFields, 'known'> | null;
  readonly outbox: Pick<LeadOutbox, 'receipt'>;
  readonly access: Pick<Access, 'forReceipts'>;
  readonly now: Clock['now'];
  readonly baseUrl: BaseUrl;
  /** Of the address, in front of paths. */
  readonly prefix: string;
};

/** Longest time between two looks at a receipt, in seconds: what delays a lead may end before its time. */
const LONGEST_POLL_SECONDS = 600;
/** The same while it is due, in seconds. */
const LONGEST_POLL_WHILE_DUE_SECONDS = 60;

/** `GET /receipts/{id}` (docs/outbox.md#receipts). */
export function serveReceipts(app: IRouter, deps: ReceiptDeps): void {
  route(app, `${RECEIPTS}/:id`, { GET: [deps.access.forReceipts, showReceipt(deps)] });
}

function showReceipt({ outbox, fields, now, baseUrl, prefix }: ReceiptDeps): RequestHandler {
  return async (req, res) => {
    const { caller = ANONYMOUS } = contextOf(res);
    const { id } = req.params;
    const receipt = typeof id === 'string' ? await outbox.receipt(id) : undefined;
    // Another caller's receipt is answered like one that never existed.
    if (receipt === undefined || !mayRead(caller, receipt)) throw unknown();
    setHeader(res, 'Cache-Control', 'no-store');
    if (receipt.state === 'pending') {
      setHeader(res, 'Location', `${prefix}${RECEIPTS}/${receipt.id}`);
      setHeader(res, 'Retry-After', secondsToNextLook(receipt, now()));
    }
    const problemOf = createProblemWriter(caller, baseUrl(req), fields?.known());
    respondJson(res, receipt.state === 'pending' ? 202 : 200, toBody(receipt, problemOf));
  };
}

/**
 * When to look again. A lead that is due may wait for room behind others: the longer it has waited, the less a look a second
 * would find.
 */
export function secondsToNextLook(
  { acceptedAt, nextAttemptAt }: Pick<BatchReceipt, 'acceptedAt' | 'nextAttemptAt'>,
  nowMs: number,
): number {
  const untilDue = Math.ceil((nextAttemptAt - nowMs) / 1000);
  const whileDue = Math.min(LONGEST_POLL_WHILE_DUE_SECONDS, Math.ceil((nowMs - acceptedAt) / 10_000));
  return Math.min(LONGEST_POLL_SECONDS, Math.max(1, untilDue > 0 ? untilDue : whileDue));
}

function mayRead(caller: Principal, { owner }: Pick<Receipt, 'owner'>): boolean {
  return !hidesOutcome(caller) && (caller.permissions.outbox || owner === ownerOf(caller));
}

type ProblemWriter = (problem: ReceiptProblem) => Record<string, unknown>;

function toBody(receipt: Receipt | BatchReceipt, problemOf: ProblemWriter): Record<string, unknown> {
  if ('total' in receipt) return toBatchBody(receipt, problemOf);
  const { state } = receipt;
  const acceptedAt = timeOf(receipt.acceptedAt);
  switch (state) {
    case 'pending': {
      const { attempts, nextAttemptAt, lastProblem } = receipt;
      const problem = lastProblem && { lastProblem: problemOf(lastProblem) };
      return { state, acceptedAt, attempts, nextAttemptAt: timeOf(nextAttemptAt), ...problem };
    }
    case 'delivered':
      return { state, acceptedAt, deliveredAt: timeOf(receipt.deliveredAt), result: receipt.result };
    case 'failed': {
      const problem = problemOf(receipt.problem);
      return { state, acceptedAt, failedAt: timeOf(receipt.failedAt), problem };
    }
  }
}

function toBatchBody(receipt: BatchReceipt, problemOf: ProblemWriter): Record<string, unknown> {
  const { state, attempts, total, delivered, failed } = receipt;
  const failures = receipt.failures.map(({ index, problem }) => ({ index, problem: problemOf(problem) }));
  const times = {
    pending: () => ({ attempts, nextAttemptAt: timeOf(receipt.nextAttemptAt) }),
    delivered: () => ({ deliveredAt: timeOf(receipt.finishedAt) }),
    failed: () => ({ failedAt: timeOf(receipt.finishedAt) }),
  };
  return {
    state,
    acceptedAt: timeOf(receipt.acceptedAt),
    ...times[state](),
    total,
    delivered,
    failed,
    failures,
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** For a caller that may not see leads, without the words that may quote one: its receipts hold no personal data. */
function createProblemWriter(caller: Principal, baseUrl: string, list: FieldList | undefined): ProblemWriter {
  const { permissions } = caller;
  return ({ error, requestId }) => {
    const document = toProblem(withSuggestions(error, caller, list), requestId, baseUrl);
    if (permissions.outbox) return document;
    const { detail: _detail, upstream, errors, ...problem } = document;
    return {
      ...problem,
      ...(errors !== undefined && { errors: errors.map(withoutWords) }),
      ...(upstream?.code !== undefined && { upstream: { code: upstream.code } }),
    };
  };
}

function unknown(): GatewayError {
  return new GatewayError('not-found', {
    detail: 'There is no such receipt: it was never given to this caller, or its time is over.',
  });
}
