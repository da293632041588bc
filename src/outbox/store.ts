/**
 * The port of the outbox: where accepted leads are kept. Texts are opaque to a store. All times are in ms since 1970.
 * Every function rejects with StoreFailure and with nothing else.
 */
export type OutboxStore = {
  /** Keeps a lead. What it resolves with is durable: it outlives the process, and the machine if its disk is honest. */
  append(lead: NewLead): Promise<Appended>;
  /** What `append` would say of a request that was kept before; undefined if none was. */
  recall(request: NamedRequest): Promise<Recalled | undefined>;
  /** Pending leads that are due and behind no other, the longest due first. */
  claim(query: ClaimQuery): Promise<Claimed>;
  /** The first pending leads of those that one with these ordering keys has to wait for, oldest first. */
  headsAhead(query: AheadQuery): Promise<readonly PendingLead[]>;
  /** Records what became of attempts, all in one transaction. Leads that are pending no longer are left alone. */
  settle(settlements: readonly Settlement[]): Promise<void>;
  /** Gives up pending leads that are too old, some at a time; how many it gave up. */
  expire(query: ExpireQuery): Promise<number>;
  /** What is known of a lead by its id. */
  find(id: string): Promise<StoredState | undefined>;
  /** Removes leads that were delivered or given up before that time, some at a time; how many it removed. */
  prune(finishedBefore: number): Promise<number>;
  /** Leads that are pending, those whose append is under way included. */
  pending(): number;
  close(): Promise<void>;
};

export type NewLead = {
  /** Not to be guessed. */
  readonly id: string;
  /** Who may ask for it. */
  readonly owner: string;
  /** Leads that share one are delivered in the order of their appends. */
  readonly orderingKeys: readonly string[];
  readonly payload: string;
  readonly acceptedAt: number;
  readonly idempotency: Idempotency | undefined;
};

/** A caller's name for a request, and what the request was. */
export type Idempotency = { readonly key: string; readonly fingerprint: string };

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
  readonly limit: number;
  /** Leads under way. */
  readonly except: readonly number[];
};

export type Claimed = {
  readonly leads: readonly PendingLead[];
  /** When another lead is due; null if none is pending but those that are under way or behind others. */
  readonly nextAt: number | null;
};

export type AheadQuery = {
  readonly orderingKeys: readonly string[];
  /** Only leads appended before this one; null: all. */
  readonly before: number | null;
};

export type ExpireQuery = {
  readonly acceptedBefore: number;
  /** Leads under way. */
  readonly except: readonly number[];
  readonly at: number;
  /** For leads that have met none themselves. */
  readonly problem: string;
};

export type PendingLead = {
  /** The order of appends. */
  readonly seq: number;
  readonly id: string;
  readonly payload: string;
  readonly acceptedAt: number;
  /** Attempts that have failed. */
  readonly attempts: number;
};

/** What becomes of a lead after an attempt. */
export type Settlement = { readonly seq: number; readonly at: number } & (
  | { readonly kind: 'delivered'; readonly result: string }
  | { readonly kind: 'failed'; readonly problem: string }
  | { readonly kind: 'retry'; readonly nextAt: number; readonly problem: string }
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

/** The store did not do what it was asked: its disk is full, its file or its server is away. Nothing was changed. */
export class StoreFailure extends Error {
  override readonly name = 'StoreFailure';
}

/** A store that cannot be used until somebody acts; the message says what to do. */
export class UnusableStore extends Error {
  override readonly name = 'UnusableStore';
}
