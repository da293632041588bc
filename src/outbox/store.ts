/**
 * The port of the outbox: where accepted leads are kept. Texts are opaque to a store. All times are in ms since 1970.
 * Every function rejects with StoreFailure and with nothing else.
 */
export type OutboxStore = {
  /**
   * Keeps a lead. Durable once it resolves: it outlives the process, and a crash of the machine if the disk keeps what it
   * confirms.
   */
  append(lead: NewLead): Promise<Appended>;
  /** Keeps leads of a batch, all or none. Durable as with `append`. */
  appendBatch(part: BatchPart): Promise<AppendedBatch>;
  /** What `append` would say of a request that was kept before; undefined for a new one. */
  recall(request: NamedRequest): Promise<Recalled | undefined>;
  /**
   * Pending leads that are due and behind no other, the longest due of each kind first; after them those that would be due
   * only after MISDATED_MS, for which the clock was wrong.
   */
  claim(query: ClaimQuery): Promise<Claimed>;
  /** The first pending leads of those that one with these ordering keys has to wait for, oldest first. */
  headsAhead(query: AheadQuery): Promise<Heads>;
  /** The seq of the newest lead, whatever its state; 0 without one. */
  newest(): Promise<number>;
  /** Records what became of attempts, in one transaction or several; again, if it rejects. Leads that are no longer pending are left alone. */
  settle(settlements: readonly Settlement[]): Promise<void>;
  /** Gives up pending leads that are too old, some at a time. Resolves with how many. */
  expire(query: ExpireQuery): Promise<number>;
  /** What is known of a lead by its id. */
  find(id: string): Promise<StoredState | undefined>;
  /** What is known of a batch by its id. */
  findBatch(query: BatchQuery): Promise<BatchState | undefined>;
  /** What the operator looks at first. */
  stats(query: StatsQuery): Promise<StoreStats>;
  /** Leads in a state, by `since` and then by `seq`, without their payloads. */
  list(query: ListQuery): Promise<readonly ListedLead[]>;
  /** A lead with its payload, which those that are delivered have no longer. */
  read(id: string): Promise<KeptLead | undefined>;
  /** Has a pending or failed lead tried again, as if it had been accepted now, but in its old place in the order. */
  retry(query: RetryQuery): Promise<'retried' | 'delivered' | 'unknown'>;
  /** The same for failed leads, those that wait longest first, some at a time. Resolves with how many. */
  retryFailed(query: RetryFailedQuery): Promise<number>;
  /** Removes a lead and all that is known of it. Resolves with its seq; undefined if the id is unknown. */
  discard(id: string): Promise<number | undefined>;
  /** Removes all that is known of leads of some subjects, some at a time, so that it cannot be recovered from the store. */
  forget(query: ForgetQuery): Promise<Forgotten>;
  /** Removes leads that were delivered or given up before that time, some at a time. Resolves with how many. */
  prune(finishedBefore: number): Promise<number>;
  /** How many leads are pending, those whose append is under way included. */
  pending(): number;
  /** True: no lead is pending, of this replica or another. Needs no query; `pending` may not count the latest of others. */
  isEmpty(): boolean;
  /** False: no lead that is kept and pending has one of these ordering keys. Needs no query. */
  mayWait(orderingKeys: readonly string[]): boolean;
  /** Has a function called with leads that were given out by this store, and that another replica has taken since. */
  onLost(tell: (seqs: readonly number[]) => void): void;
  /** What the operator should look at, one sentence each. */
  warnings(): readonly string[];
  close(): Promise<void>;
};

/** No pause is as long, in ms. */
export const MISDATED_MS = 48 * 3_600_000;

export type NewLead = {
  /** Not to be guessed. */
  readonly id: string;
  /** Who may ask for it. */
  readonly owner: string;
  /** Leads that share one are delivered in the order of their appends. */
  readonly orderingKeys: readonly string[];
  readonly payload: string;
  /** Whom it is about; not readable. */
  readonly subject: string | null;
  readonly acceptedAt: number;
  readonly idempotency: Idempotency | undefined;
  /** Whether it needs a call of its own. */
  readonly goesAlone: boolean;
  /** Whether it stands behind a direct lead that only this replica knows of: others leave it to this one. */
  readonly staysHere?: boolean;
  /** Which lead of which batch it is. */
  readonly batch?: { readonly id: string; readonly index: number };
};

/** Some leads of a batch, one after the other. The first part makes it. */
export type BatchPart = {
  /** Not to be guessed. */
  readonly id: string;
  readonly owner: string;
  readonly acceptedAt: number;
  readonly leads: readonly NewLead[];
  /** Of the batch so far, this part included: all leads, those that were refused, and why. */
  readonly total: number;
  readonly refused: number;
  readonly refusals: string;
  /** Of the last part. */
  readonly idempotency: Idempotency | undefined;
};

export type AppendedBatch =
  | Recalled
  | { readonly kind: 'appended'; readonly seqs: readonly number[] }
  /** There is no room for all leads of the part. */
  | { readonly kind: 'full' };

export type BatchQuery = {
  readonly id: string;
  /** Failed leads to name, at most. */
  readonly limit: number;
};

/** Leads that were removed since, the retention aside, are in `total` alone. */
export type BatchState = Omit<BatchPart, 'leads' | 'idempotency'> & {
  readonly pending: number;
  readonly delivered: number;
  readonly failed: number;
  /** The most attempts that have failed with a pending lead, of some. */
  readonly attempts: number;
  /** When one of them is due; null without one. */
  readonly nextAt: number | null;
  /** When the last one ended; null without one. */
  readonly finishedAt: number | null;
  /** Failed leads by their index. */
  readonly failures: readonly BatchFailure[];
};

export type BatchFailure = { readonly id: string; readonly index: number; readonly problem: string };

/** A caller's name for a request, and what the request was. */
export type Idempotency = {
  readonly key: string;
  readonly fingerprint: string;
  /** The same under older encryption keys. */
  readonly earlier?: readonly Omit<Idempotency, 'earlier'>[];
};

export type NamedRequest = { readonly owner: string; readonly idempotency: Idempotency };

export type Recalled =
  /** The same request was kept before. */
  | { readonly kind: 'repeated'; readonly id: string }
  /** Another request has the idempotency key. */
  | { readonly kind: 'conflict' };

/** A request that was kept before is recalled even while no other can be kept. */
export type Appended =
  | Recalled
  | { readonly kind: 'appended'; readonly seq: number }
  /** As many leads are pending as may be. */
  | { readonly kind: 'full' };

export type ClaimQuery = {
  readonly dueAt: number;
  /** Of leads that can share a call, and of those that go alone. */
  readonly limit: number;
  readonly aloneLimit: number;
  /** Leads under way. */
  readonly except: readonly number[];
};

export type Claimed = {
  readonly leads: readonly PendingLead[];
  /** When the next lead is due that the limits leave room for; null: without one that is neither under way nor behind others. */
  readonly nextAt: number | null;
};

export type AheadQuery = {
  readonly orderingKeys: readonly string[];
  /** Only leads appended before this one; null: all. */
  readonly before: number | null;
};

export type Heads = {
  /** For the one who asks to deliver. */
  readonly leads: readonly PendingLead[];
  /** How many more another replica has on their way. */
  readonly elsewhere: number;
};

export type ExpireQuery = {
  /** Those whose `since` is not after this. */
  readonly olderThan: number;
  /** Leads under way. */
  readonly except: readonly number[];
  readonly at: number;
  /** For leads that have not met a problem themselves. */
  readonly problem: string;
  readonly code: string;
};

export type PendingLead = {
  /** The order of appends. */
  readonly seq: number;
  readonly id: string;
  readonly payload: string;
  /** From when its age counts: its acceptance, or the last retry by an operator. */
  readonly since: number;
  /** Whether it needs a call of its own. */
  readonly goesAlone: boolean;
  /** Attempts that have failed. */
  readonly attempts: number;
  /** Whether another process may have it in a call: one that ended before the store was opened, or just now. */
  readonly takenOver: 'no' | 'at-start' | 'now';
};

/** What becomes of a lead after an attempt. */
export type Settlement = { readonly seq: number; readonly id: string; readonly at: number } & (
  | { readonly kind: 'delivered'; readonly result: string }
  | { readonly kind: 'failed'; readonly problem: string; readonly code: string }
  | { readonly kind: 'retry'; readonly nextAt: number; readonly problem: string; readonly code: string }
);

export type StoredState = {
  readonly id: string;
  readonly owner: string;
  readonly acceptedAt: number;
  readonly attempts: number;
} & (
  | { readonly state: 'pending'; readonly nextAt: number; readonly problem: string | null }
  | { readonly state: 'delivered'; readonly finishedAt: number; readonly result: string }
  | { readonly state: 'failed'; readonly finishedAt: number; readonly problem: string }
);

export type StatsQuery = {
  /** Deliveries are counted from these times on. */
  readonly hourFrom: number;
  readonly dayFrom: number;
};

export type StoreStats = {
  readonly pending: number;
  /** Failed leads by the code of their problem. */
  readonly failed: readonly { readonly code: string; readonly count: number }[];
  /** Delivered leads that have a receipt. */
  readonly delivered: number;
  readonly deliveredInHour: number;
  readonly deliveredInDay: number;
  /** The earliest `since` of a pending lead. */
  readonly oldestSince: number | null;
  /** When the next pending lead is due. */
  readonly nextAt: number | null;
};

/** A place in a list. */
export type Place = { readonly since: number; readonly seq: number };

export type ListQuery = {
  readonly state: 'pending' | 'failed';
  /** Of the problem that was met last; null: any, or none. */
  readonly code: string | null;
  /** Only leads behind this place; null: from the first on. */
  readonly after: Place | null;
  readonly limit: number;
};

export type ListedLead = StoredState & Place;

export type KeptLead = ListedLead & { readonly payload: string | null };

export type RetryQuery = { readonly id: string; readonly at: number };

export type RetryFailedQuery = {
  readonly at: number;
  /** Null: whatever their problem. */
  readonly code: string | null;
  readonly limit: number;
};

export type ForgetQuery = {
  readonly subjects: readonly string[];
  /** What the call before gave as `next`; 0 in the first. */
  readonly from: number;
};

export type Forgotten = {
  readonly removed: readonly { readonly seq: number; readonly state: StoredState['state'] }[];
  /** Null: that was all. */
  readonly next: number | null;
  /** Of the last part; false if somebody who reads the store keeps what was removed from being overwritten. */
  readonly isOverwritten: boolean;
};

/** What encryption needs of a store. */
export type Sealable = {
  /** Ids of the keys that the store was written with; none: it holds plain text. */
  keyIds(): Promise<readonly string[]>;
  addKeyId(id: string): Promise<void>;
  /** Rows by their seq, as they are kept. */
  scan(query: { readonly after: number; readonly limit: number }): Promise<readonly StoredTexts[]>;
  /** Puts these texts in the place of those that are kept, all in one transaction. */
  rewrite(rows: readonly StoredTexts[]): Promise<void>;
  /** Batches by their ids, as they are kept. */
  scanBatches(query: { readonly after: string; readonly limit: number }): Promise<readonly BatchTexts[]>;
  /** Puts these texts in the place of those that are kept, all in one transaction. */
  rewriteBatches(rows: readonly BatchTexts[]): Promise<void>;
  /** Overwrites what rewritten rows have left behind, as far as the store can. */
  scrub(): Promise<void>;
};

/** Everything in a row that may tell of a lead. */
export type StoredTexts = {
  readonly seq: number;
  readonly id: string;
  readonly payload: string | null;
  readonly problem: string | null;
  readonly result: string | null;
  readonly orderingKeys: readonly string[] | null;
  readonly subject: string | null;
  readonly idempotencyKey: string | null;
  readonly fingerprint: string | null;
};

/** Everything in a batch that may tell of its leads. */
export type BatchTexts = {
  readonly id: string;
  readonly refusals: string;
  readonly idempotencyKey: string | null;
  readonly fingerprint: string | null;
};

/** The store did not do what it was asked: its disk is full, its file or its server is away. Nothing was changed. */
export class StoreFailure extends Error {
  override readonly name = 'StoreFailure';
}

/** A store that cannot be used until somebody acts; the message says what to do. */
export class UnusableStore extends Error {
  override readonly name = 'UnusableStore';
}
