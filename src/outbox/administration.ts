import type { ErrorCode } from '../leads/errors.ts';
import type {
  ForgottenLeads,
  OutboxAdministration,
  OutboxCounts,
  OutboxEntry,
  OutboxPage,
  OutboxQuery,
} from '../leads/outbox.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Deliverer } from './deliverer.ts';
import type { ListedLead, OutboxStore, Place } from './store.ts';
import { subjectOfEmail } from './subject.ts';
import { readPayload, toReceipt } from './texts.ts';
import { unavailable } from './unavailable.ts';

/** What delivers leads meanwhile. */
type Delivering = Pick<Deliverer, 'drop' | 'probe' | 'pausedBy' | 'pausedUntil'>;

/** For a store that no gateway delivers from now. */
export const NOT_DELIVERING: Delivering = {
  drop() {},
  probe() {},
  pausedBy: () => undefined,
  pausedUntil: () => 0,
};

/** Failed leads that are retried in one transaction, so that accepts do not wait for long. */
const RETRIED_AT_A_TIME = 500;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What the operator sees of a store and does with it (docs/outbox.md#administration). */
export function createAdministration(
  store: Omit<OutboxStore, 'close'>,
  delivering: Delivering,
  { now, monotonicMs }: Pick<Clock, 'now' | 'monotonicMs'>,
): OutboxAdministration {
  const counts = sparingly(() => countsOf(store, delivering, now()), monotonicMs);
  const toEntry = (listed: ListedLead): OutboxEntry => ({
    ...toReceipt(listed, delivering.pausedUntil()),
    attempts: listed.attempts,
  });
  return {
    counts: () => counts.read().catch(unavailable),
    list: (query) => pageOf(store, query, toEntry).catch(unavailable),
    async lead(id) {
      const kept = await store.read(id).catch(unavailable);
      if (kept === undefined) return undefined;
      const payload = kept.payload === null ? undefined : readPayload(kept.payload);
      return { ...toEntry(kept), lead: payload?.command ?? null };
    },
    async retry(id) {
      const ended = await store.retry({ id, at: now() }).catch(unavailable);
      counts.forget();
      if (ended === 'retried') delivering.probe();
      return ended;
    },
    async retryFailed(problem) {
      const retried = await retryFailed(store, problem ?? null, now()).catch(unavailable);
      counts.forget();
      // Also where none has failed: the operator may have mended what pauses all.
      delivering.probe();
      return retried;
    },
    async discard(id) {
      const seq = await store.discard(id).catch(unavailable);
      counts.forget();
      if (seq !== undefined) delivering.drop(seq);
      return seq !== undefined;
    },
    async forget(email) {
      const forgotten = await forget(store, delivering, subjectOfEmail(email)).catch(unavailable);
      counts.forget();
      return forgotten;
    },
  };
}

/** Of the store's time, the part that reading what is asked for again and again may take. */
const SHARE = 0.05;

/** Reads a value again only after a pause in proportion to how long it took: a page may ask every second. */
function sparingly<Value>(read: () => Promise<Value>, monotonicMs: Clock['monotonicMs']) {
  let known: { readonly value: Promise<Value>; freshUntil: number } | undefined;
  return {
    read(): Promise<Value> {
      const startedAt = monotonicMs();
      if (known !== undefined && startedAt < known.freshUntil) return known.value;
      const reading = { value: read(), freshUntil: Number.POSITIVE_INFINITY };
      known = reading;
      const end = (pause: number) => {
        const endedAt = monotonicMs();
        reading.freshUntil = endedAt + (endedAt - startedAt) * pause;
      };
      reading.value.then(
        () => end(1 / SHARE),
        () => end(0),
      );
      return reading.value;
    },
    /** To be called when the value has changed. */
    forget() {
      known = undefined;
    },
  };
}

async function countsOf(
  store: Pick<OutboxStore, 'stats'>,
  { pausedBy, pausedUntil }: Delivering,
  now: number,
): Promise<OutboxCounts> {
  const stats = await store.stats({ hourFrom: now - HOUR_MS, dayFrom: now - DAY_MS });
  const { pending, failed, delivered, deliveredInHour, deliveredInDay, oldestSince, nextAt } = stats;
  return {
    pending,
    failed: failed.reduce((sum, { count }) => sum + count, 0),
    delivered,
    failedByProblem: failed.map(({ code, count }) => ({ problem: code as ErrorCode, count })),
    oldestPendingSeconds:
      oldestSince === null ? undefined : Math.max(0, Math.floor((now - oldestSince) / 1000)),
    deliveredInHour,
    deliveredInDay,
    nextAttemptAt: nextAt === null ? undefined : Math.max(nextAt, pausedUntil()),
    pausedBy: pausedBy(),
  };
}

async function pageOf(
  store: Pick<OutboxStore, 'list'>,
  { state, problem, after, limit }: OutboxQuery,
  toEntry: (listed: ListedLead) => OutboxEntry,
): Promise<OutboxPage> {
  const query = { state, code: problem ?? null, after: after === undefined ? null : placeOf(after) };
  // One more tells whether there are more.
  const kept = await store.list({ ...query, limit: limit + 1 });
  const page = kept.slice(0, limit);
  const last = kept.length > limit ? page.at(-1) : undefined;
  return { leads: page.map(toEntry), next: last && `${last.since}-${last.seq}` };
}

function placeOf(after: string): Place {
  const [since = 0, seq = 0] = after.split('-').map(Number);
  return { since, seq };
}

/** Retries no more than have failed until now: some may fail again meanwhile. */
async function retryFailed(
  store: Pick<OutboxStore, 'stats' | 'retryFailed'>,
  code: string | null,
  at: number,
): Promise<number> {
  const { failed } = await store.stats({ hourFrom: at, dayFrom: at });
  let left = 0;
  for (const group of failed) if (code === null || group.code === code) left += group.count;
  let total = 0;
  while (left > 0) {
    const retried = await store.retryFailed({ code, at, limit: Math.min(left, RETRIED_AT_A_TIME) });
    if (retried === 0) break;
    total += retried;
    left -= retried;
  }
  return total;
}

async function forget(
  store: Pick<OutboxStore, 'forget'>,
  { drop }: Delivering,
  subject: string,
): Promise<ForgottenLeads> {
  const counts = { pending: 0, failed: 0, delivered: 0 };
  for (let from = 0; ;) {
    const { removed, next, isOverwritten } = await store.forget({ subjects: [subject], from });
    for (const { seq, state } of removed) {
      counts[state] += 1;
      if (state === 'pending') drop(seq);
    }
    if (next === null) return { ...counts, isOverwritten };
    from = next;
  }
}
