import type { GatewayError } from './errors.ts';
import type { Origin, UpsertLead, UpsertResult } from './lead.ts';

/** The port for callers that need no answer now: leads are kept, and delivered when that is possible. */
export type LeadOutbox = {
  /** Resolves when the lead is durable. Rejects with a GatewayError and with nothing else. */
  accept(command: UpsertLead, request: AcceptRequest): Promise<AcceptedLead>;
  /**
   * What a request was accepted as that came before with its idempotency key; undefined if none did. Rejects with a
   * GatewayError if that was another request.
   */
  recall(command: UpsertLead, request: AcceptRequest): Promise<AcceptedLead | undefined>;
  /** What is known of a lead that was accepted; undefined if nothing is. */
  receipt(id: string): Promise<Receipt | undefined>;
};

export type AcceptRequest = Origin & {
  /** Who may see the receipt. */
  readonly owner: string;
  /** The owner's name for the request: sent again, it gives the same receipt. */
  readonly idempotencyKey?: string | undefined;
};

export type AcceptedLead = {
  /** The id of the receipt; 128 random bits. */
  readonly id: string;
  /**
   * Tries at once, unless an earlier request did, and waits for the answer for at most `ms`. Rejects with a GatewayError that another attempt would
   * change nothing about.
   *
   * @returns undefined if the answer is not known by then
   */
  answerWithin(ms: number): Promise<UpsertResult | undefined>;
};

/** Times are in ms since 1970. */
export type Receipt = {
  readonly id: string;
  readonly owner: string;
  readonly acceptedAt: number;
} & (
  | {
      readonly state: 'pending';
      /** Those that have failed. */
      readonly attempts: number;
      readonly nextAttemptAt: number;
      readonly lastProblem: ReceiptProblem | undefined;
    }
  | { readonly state: 'delivered'; readonly deliveredAt: number; readonly result: UpsertResult }
  | { readonly state: 'failed'; readonly failedAt: number; readonly problem: ReceiptProblem }
);

/** What a lead met, and the request that it came with. */
export type ReceiptProblem = { readonly error: GatewayError; readonly requestId: string };
