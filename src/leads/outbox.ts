import type { ErrorCode, GatewayError } from './errors.ts';
import type { Origin, UpsertContext, UpsertLead, UpsertResult } from './lead.ts';

/** The port for callers that need no answer now: leads are kept, and delivered when that is possible. */
export type LeadOutbox = {
  /** Resolves when the lead is durable. Rejects with a GatewayError and with nothing else. */
  accept(command: UpsertLead, request: AcceptRequest): Promise<AcceptedLead>;
  /**
   * Writes the lead now; keeps it if it meets a problem that may pass, unless its caller has gone. Later leads of the same
   * person wait until one or the other is done. Calls the directory before it returns if none came before it.
   */
  upsertOrAccept(
    command: UpsertLead,
    context: UpsertContext,
    request: AcceptRequest,
  ): Promise<UpsertResult | AcceptedLead>;
  /**
   * What an earlier request with this idempotency key was accepted as; undefined if the key is new. Rejects with a
   * GatewayError if that request was another one.
   */
  recall(command: UpsertLead, request: AcceptRequest): Promise<AcceptedLead | undefined>;
  /** Begins a batch that gets one receipt. */
  acceptBatch(request: AcceptRequest): BatchIntake;
  /** What is known of an accepted lead or batch; undefined if the id is unknown. */
  receipt(id: string): Promise<Receipt | BatchReceipt | undefined>;
};

/** Takes in the leads of a batch, one after the other. What rejects does so with a GatewayError and with nothing else. */
export type BatchIntake = {
  add(command: UpsertLead): void;
  /** The next lead, which is not kept. @param content what it was, or a digest of that */
  refuse(error: GatewayError, content: Buffer): void;
  /** Resolves when the leads that were taken in since the last time are durable, all in one commit. */
  keep(): Promise<void>;
  /** Keeps the rest and ends the batch. */
  end(): Promise<AcceptedBatch>;
  /** No more comes, whether it has ended or not. Needed once `keep` was called. */
  close(): void;
};

export type AcceptedBatch = {
  /** The id of the receipt; 128 random bits. */
  readonly id: string;
  /**
   * Tries the leads at once and waits for their answers for at most `ms`.
   *
   * @returns undefined if one of them is not known by then, or an earlier request accepted the batch, or it was kept in parts
   */
  answersWithin(ms: number): Promise<readonly (UpsertResult | GatewayError)[] | undefined>;
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
   * Tries at once, unless an earlier request did, and waits for the answer for at most `ms`. Rejects with a GatewayError
   * that another attempt would not change.
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

/** What became of the leads of a batch. Times are in ms since 1970. */
export type BatchReceipt = {
  readonly id: string;
  readonly owner: string;
  readonly acceptedAt: number;
  /** `delivered`: none is pending, and none has failed. */
  readonly state: 'pending' | 'delivered' | 'failed';
  /** The most attempts that have failed with a lead that is pending. */
  readonly attempts: number;
  readonly nextAttemptAt: number;
  readonly lastProblem?: undefined;
  /** When the last attempt ended, or the batch was accepted. */
  readonly finishedAt: number;
  readonly total: number;
  readonly delivered: number;
  /** Those that were refused included. */
  readonly failed: number;
  /** The first of them, by their index in the batch. */
  readonly failures: readonly { readonly index: number; readonly problem: ReceiptProblem }[];
};

/** What a lead met, and the request that it came with. */
export type ReceiptProblem = { readonly error: GatewayError; readonly requestId: string };

/** The port for the operator: sees and changes what is kept. Rejects with a GatewayError and with nothing else. */
export type OutboxAdministration = {
  counts(): Promise<OutboxCounts>;
  /** A page of the leads in a state, those that have waited longest first. */
  list(query: OutboxQuery): Promise<OutboxPage>;
  /** A lead by the id of its receipt; undefined if the id is unknown. */
  lead(id: string): Promise<OutboxLead | undefined>;
  /** Has a pending or failed lead tried at once. */
  retry(id: string): Promise<'retried' | 'delivered' | 'unknown'>;
  /** The same for all failed leads, or for those with a problem. Resolves with how many. */
  retryFailed(problem: ErrorCode | undefined): Promise<number>;
  /** Removes a lead, its receipt and its idempotency key. Resolves with false if the id is unknown. */
  discard(id: string): Promise<boolean>;
  /** Removes all that is kept of leads with an email address, which is one as it is sent to Marketo. */
  forget(email: string): Promise<ForgottenLeads>;
};

/** Times are in ms since 1970. */
export type OutboxCounts = {
  readonly pending: number;
  readonly failed: number;
  /** With a receipt that is kept. */
  readonly delivered: number;
  readonly failedByProblem: readonly { readonly problem: ErrorCode; readonly count: number }[];
  readonly oldestPendingSeconds: number | undefined;
  readonly deliveredInHour: number;
  readonly deliveredInDay: number;
  readonly nextAttemptAt: number | undefined;
  /** The problem because of which no lead is tried before the next attempt. */
  readonly pausedBy: ErrorCode | undefined;
};

export type OutboxQuery = {
  readonly state: 'pending' | 'failed';
  /** The last one met. */
  readonly problem: ErrorCode | undefined;
  /** `next` of the page before: two whole numbers with a dash between them. */
  readonly after: string | undefined;
  readonly limit: number;
};

export type OutboxPage = {
  readonly leads: readonly OutboxEntry[];
  /** Undefined: there are no more. */
  readonly next: string | undefined;
};

/** What became of a lead; `attempts` are all that were made since it was accepted or retried. */
export type OutboxEntry = Receipt & { readonly attempts: number };

/** `lead` is null once it is delivered, and if it cannot be read. */
export type OutboxLead = OutboxEntry & { readonly lead: UpsertLead | null };

/** How many leads were in which state. */
export type ForgottenLeads = {
  readonly pending: number;
  readonly failed: number;
  readonly delivered: number;
  /** False if somebody who reads the store keeps traces from being overwritten. */
  readonly isOverwritten: boolean;
};
