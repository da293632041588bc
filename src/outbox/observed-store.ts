import type { Clock } from '../runtime/clock.ts';
import type { OutboxStore } from './store.ts';

/** What is told of a store. No text of a lead is among it. */
export type StoreObserver = {
  accepted(count: number): void;
  delivered(): void;
  /** @param code of the problem, not its words */
  failed(code: string, count: number): void;
  /** An attempt has failed, and another one follows. */
  retried(code: string): void;
  appendTook(ms: number): void;
  claimTook(ms: number): void;
};

/** A store that tells what is done with it. */
export function observeStore(
  store: OutboxStore,
  observer: StoreObserver,
  { monotonicMs }: Pick<Clock, 'monotonicMs'>,
): OutboxStore {
  return {
    ...store,
    async append(lead) {
      const startedMs = monotonicMs();
      const appended = await store.append(lead);
      observer.appendTook(monotonicMs() - startedMs);
      if (appended.kind === 'appended') observer.accepted(1);
      return appended;
    },
    async appendBatch(part) {
      const startedMs = monotonicMs();
      const appended = await store.appendBatch(part);
      observer.appendTook(monotonicMs() - startedMs);
      if (appended.kind === 'appended') observer.accepted(appended.seqs.length);
      return appended;
    },
    async claim(query) {
      const startedMs = monotonicMs();
      const claimed = await store.claim(query);
      observer.claimTook(monotonicMs() - startedMs);
      return claimed;
    },
    async settle(settlements) {
      await store.settle(settlements);
      for (const settlement of settlements) {
        if (settlement.kind === 'delivered') observer.delivered();
        else if (settlement.kind === 'failed') observer.failed(settlement.code, 1);
        else observer.retried(settlement.code);
      }
    },
    async expire(query) {
      const expired = await store.expire(query);
      if (expired > 0) observer.failed(query.code, expired);
      return expired;
    },
  };
}

/** How often the store is looked at, in ms. */
const LOOK_EVERY_MS = 10_000;

export type StoreWatch = {
  /** Of the oldest pending lead, in ms; 0 without one. */
  ageMs(): number;
  /** Whether leads have failed and wait for the operator. */
  hasFailed(): boolean;
  /** To be told that leads have failed. */
  failed(): void;
  stop(): void;
};

/** Keeps up with what waits in a store, as of the last look; a store that holds nothing is left alone. */
export function watchStore(
  store: Pick<OutboxStore, 'list' | 'pending' | 'isEmpty'>,
  { now, setTimer, clearTimer }: Clock,
): StoreWatch {
  let oldestSince: number | undefined;
  let hasFailed = false;
  // Those of a process before this one.
  let mayHaveFailed = true;
  let timer: ReturnType<Clock['setTimer']> | undefined;
  let isStopped = false;
  const first = async (state: 'pending' | 'failed') =>
    (await store.list({ state, code: null, after: null, limit: 1 }))[0];
  const look = async () => {
    try {
      oldestSince = store.pending() === 0 ? undefined : (await first('pending'))?.since;
      if (mayHaveFailed || !store.isEmpty()) {
        mayHaveFailed = false;
        hasFailed = (await first('failed')) !== undefined;
        mayHaveFailed ||= hasFailed;
      }
    } catch {
      // While the store is away, the age goes on growing.
    }
    if (!isStopped) timer = setTimer(() => void look(), LOOK_EVERY_MS);
  };
  void look();
  return {
    ageMs: () => (oldestSince === undefined || store.pending() === 0 ? 0 : Math.max(0, now() - oldestSince)),
    hasFailed: () => hasFailed,
    failed() {
      hasFailed = true;
      mayHaveFailed = true;
    },
    stop() {
      isStopped = true;
      clearTimer(timer);
    },
  };
}
