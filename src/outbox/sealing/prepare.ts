import {
  type BatchTexts,
  type OutboxStore,
  type Sealable,
  type StoredTexts,
  UnusableStore,
} from '../store.ts';
import { createSealedStore, firstMark } from './sealed-store.ts';
import { createSealer, isSealed, type Sealer } from './sealer.ts';

/** Rows that are encrypted in one transaction. */
const AT_A_TIME = 500;

/** What encryption does with a store. */
export type Sealing = {
  /**
   * To be called before the store is used. Encrypts what is in plain text when there are keys for the first time.
   *
   * @throws {UnusableStore} if none of the keys is one that the store was written with
   * @throws {StoreFailure}
   */
  prepare(store: Sealable): Promise<void>;
  /** The store as the gateway uses it. */
  seal(store: OutboxStore): OutboxStore;
};

/** @param secrets 32 random bytes each; null: plain text */
export function createSealing(
  secrets: readonly Buffer[] | null,
  randomBytes: (size: number) => Buffer,
): Sealing {
  const sealer = secrets === null ? null : createSealer(secrets, randomBytes);
  return {
    prepare: (store) => prepare(store, sealer),
    seal: (store) => (sealer === null ? store : createSealedStore(store, sealer)),
  };
}

async function prepare(store: Sealable, sealer: Sealer | null): Promise<void> {
  const used = await store.keyIds();
  if (sealer === null) {
    if (used.length === 0) return;
    throw new UnusableStore(
      'OUTBOX_ENCRYPTION_KEYS is missing, but what is in the outbox is encrypted; set the keys that it was written with',
    );
  }
  if (used.length > 0 && !sealer.keyIds.some((id) => used.includes(id))) {
    throw new UnusableStore(
      'OUTBOX_ENCRYPTION_KEYS: none of the keys is one that the outbox was written with; add that key after the others',
    );
  }
  if (used.length === 0) {
    await sealBatches(store, sealer);
    await sealAll(store, sealer);
  }
  const [first = ''] = sealer.keyIds;
  if (!used.includes(first)) await store.addKeyId(first);
}

/** A start that is interrupted is repeated by the next: the id of the key is kept last. */
async function sealAll(store: Sealable, sealer: Sealer): Promise<void> {
  for (let after = 0, isRewritten = false; ;) {
    const rows = await store.scan({ after, limit: AT_A_TIME });
    const plain = rows.filter(isPlain);
    if (plain.length > 0) await store.rewrite(plain.map((row) => sealRow(row, sealer)));
    isRewritten ||= plain.length > 0;
    const last = rows.at(-1);
    if (last === undefined) {
      if (isRewritten) await store.scrub();
      return;
    }
    after = last.seq;
  }
}

async function sealBatches(store: Sealable, sealer: Sealer): Promise<void> {
  for (let after = ''; ;) {
    const rows = await store.scanBatches({ after, limit: AT_A_TIME });
    const last = rows.at(-1);
    if (last === undefined) return;
    const plain = rows.filter(({ refusals }) => !isSealed(refusals));
    if (plain.length > 0) await store.rewriteBatches(plain.map((row) => sealTexts(row, sealer)));
    after = last.id;
  }
}

function sealTexts({ id, refusals, idempotencyKey, fingerprint }: BatchTexts, sealer: Sealer): BatchTexts {
  const mark = (text: string | null) => (text === null ? null : firstMark(sealer, text));
  return {
    id,
    refusals: sealer.seal(refusals, id),
    idempotencyKey: mark(idempotencyKey),
    fingerprint: mark(fingerprint),
  };
}

function isPlain({ payload, result, problem }: StoredTexts): boolean {
  const text = payload ?? result ?? problem;
  return text === null || !isSealed(text);
}

function sealRow(row: StoredTexts, sealer: Sealer): StoredTexts {
  const seal = (text: string | null) => (text === null ? null : sealer.seal(text, row.id));
  const mark = (text: string | null) => (text === null ? null : firstMark(sealer, text));
  return {
    seq: row.seq,
    id: row.id,
    payload: seal(row.payload),
    problem: seal(row.problem),
    result: seal(row.result),
    orderingKeys: row.orderingKeys?.flatMap(sealer.marks) ?? null,
    subject: mark(row.subject),
    idempotencyKey: mark(row.idempotencyKey),
    fingerprint: mark(row.fingerprint),
  };
}
