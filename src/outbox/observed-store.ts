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

/** How often the oldest pending lead is looked up, in ms. */
const LOOK_EVERY_MS = 10_000;

/**
 * Keeps up with the age of the oldest pending lead.
 *
 * @returns its age in ms, as of the last look; 0 without one
 */
export function watchOldest(
  store: Pick<OutboxStore, 'list' | 'pending'>,
  { now, setTimer, clearTimer }: Clock,
): { readonly ageMs: () => number; readonly stop: () => void } {
  let oldestSince: number | undefined;
  let timer: ReturnType<Clock['setTimer']> | undefined;
  let isStopped = false;
  const look = async () => {
    try {
      const [first] =
        store.pending() === 0
          ? []
          : await store.list({ state: 'pending', code: null, after: null, limit: 1 });
      oldestSince = first?.since;
    } catch {
      // While the store is away, the age goes on growing.
    }
    if (!isStopped) timer = setTimer(() => void look(), LOOK_EVERY_MS);
  };
  void look();
  return {
    ageMs: () => (oldestSince === undefined || store.pending() === 0 ? 0 : Math.max(0, now() - oldestSince)),
    stop() {
      isStopped = true;
      clearTimer(timer);
    },
  };
}
