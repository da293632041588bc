import { GatewayError, type GatewayErrorDetails, type ErrorCode } from '../leads/errors.ts';
import type { Origin, UpsertLead, UpsertResult } from '../leads/lead.ts';
import type { Receipt, ReceiptProblem } from '../leads/outbox.ts';
import type { StoredState } from './store.ts';

/** What is kept of an accepted lead until it is delivered. */
export type Payload = Origin & { readonly command: UpsertLead };

/** A payload as a store keeps it. */
export function writePayload({ command, requestId, trace }: Payload): string {
  return JSON.stringify({ command, requestId, trace });
}

/** Undefined: the text cannot be read, for example because no key has decrypted it. */
export function readPayload(text: string): Payload | undefined {
  try {
    return JSON.parse(text) as Payload;
  } catch {
    return undefined;
  }
}

/** A problem as a store keeps it; its cause is for the log only. */
export function writeProblem({ error, requestId }: ReceiptProblem): string {
  const { code, detail, errors, upstream, retryable, retryAfterSeconds } = error;
  return JSON.stringify({ requestId, code, detail, errors, upstream, retryable, retryAfterSeconds });
}

export function readProblem(text: string): ReceiptProblem {
  const { requestId, code, ...details } = JSON.parse(text) as GatewayErrorDetails & {
    readonly requestId: string;
    readonly code: ErrorCode;
  };
  return { error: new GatewayError(code, details), requestId };
}

/** @param pausedUntil until when no lead is tried, in ms since 1970; 0: leads are tried */
export function toReceipt(stored: StoredState, pausedUntil: number): Receipt {
  const { id, owner, acceptedAt, attempts } = stored;
  switch (stored.state) {
    case 'pending': {
      const lastProblem = stored.problem === null ? undefined : readProblem(stored.problem);
      const nextAttemptAt = Math.max(stored.nextAt, pausedUntil);
      return { state: 'pending', id, owner, acceptedAt, attempts, nextAttemptAt, lastProblem };
    }
    case 'delivered': {
      const result = JSON.parse(stored.result) as UpsertResult;
      return { state: 'delivered', id, owner, acceptedAt, deliveredAt: stored.finishedAt, result };
    }
    case 'failed': {
      const problem = readProblem(stored.problem);
      return { state: 'failed', id, owner, acceptedAt, failedAt: stored.finishedAt, problem };
    }
  }
}
