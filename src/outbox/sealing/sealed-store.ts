import { GatewayError } from '../../leads/errors.ts';
import { inTurns } from '../../runtime/in-turns.ts';
import {
  type BatchState,
  type Idempotency,
  type KeptLead,
  type ListedLead,
  type NewLead,
  type OutboxStore,
  type PendingLead,
  type Settlement,
  type StoredState,
  StoreFailure,
} from '../store.ts';
import { writeProblem } from '../texts.ts';
import type { Sealer } from './sealer.ts';

/** What a problem belongs to that is recorded for many leads at once. */
const SHARED = 'all';

/** What a failed lead shows in the place of a problem that no key opens. */
const UNREADABLE = writeProblem({
  error: new GatewayError('internal-error', {
    detail: 'No key of the gateway opens what is kept of this lead.',
  }),
  requestId: '',
});

/** What the functions of a sealed store share. */
type Sealed = {
  readonly store: OutboxStore;
  readonly sealer: Sealer;
  /** Leads that no key opens, by their seqs. */
  readonly unreadable: Set<number>;
};

/**
 * A store whose texts are encrypted before they reach it, and decrypted on their way back. What is compared, such as ordering
 * keys, is replaced by marks: one with each key, so that leads of a person meet while keys are rotated.
 */
export function createSealedStore(store: OutboxStore, sealer: Sealer): OutboxStore {
  const sealed = { store, sealer, unreadable: new Set<number>() };
  return {
    ...store,
    ...acceptingOf(sealed),
    ...deliveryOf(sealed),
    ...lookupsOf(sealed),
    ...removalsOf(sealed),
    warnings: () => [...store.warnings(), ...warningsOf(sealed.unreadable.size)],
  };
}

/** Leads, or ends of attempts, that are encrypted before other requests run. */
const SLICE = 64;

function* sealSome<Item>(
  items: readonly Item[],
  seal: (item: Item) => Item,
): Generator<undefined, readonly Item[]> {
  const sealed: Item[] = [];
  for (const item of items) {
    sealed.push(seal(item));
    if (sealed.length % SLICE === 0) yield;
  }
  return sealed;
}

function markAll({ sealer }: Sealed, texts: readonly string[]): readonly string[] {
  return texts.flatMap(sealer.marks);
}

function acceptingOf(sealed: Sealed): Pick<OutboxStore, 'append' | 'appendBatch' | 'recall' | 'mayWait'> {
  const { store, sealer } = sealed;
  const sealLead = (lead: NewLead): NewLead => ({
    ...lead,
    orderingKeys: markAll(sealed, lead.orderingKeys),
    payload: sealer.seal(lead.payload, lead.id),
    subject: lead.subject === null ? null : firstMark(sealer, lead.subject),
    idempotency: lead.idempotency && markIdempotency(sealer, lead.idempotency),
  });
  return {
    append: (lead) => store.append(sealLead(lead)),
    appendBatch: async (part) =>
      store.appendBatch({
        ...part,
        leads: await inTurns(sealSome(part.leads, sealLead)),
        refusals: sealer.seal(part.refusals, part.id),
        idempotency: part.idempotency && markIdempotency(sealer, part.idempotency),
      }),
    recall: ({ owner, idempotency }) =>
      store.recall({ owner, idempotency: markIdempotency(sealer, idempotency) }),
    mayWait: (orderingKeys) => !store.isEmpty() && store.mayWait(markAll(sealed, orderingKeys)),
  };
}

function deliveryOf(sealed: Sealed): Pick<OutboxStore, 'claim' | 'headsAhead' | 'settle' | 'expire'> {
  const { store, sealer, unreadable } = sealed;
  const open = (lead: PendingLead): PendingLead => {
    const payload = sealer.open(lead.payload, lead.id);
    if (payload !== undefined) return { ...lead, payload };
    // It stays as it is, and its reader sees that it is no payload.
    unreadable.add(lead.seq);
    return lead;
  };
  return {
    async claim(query) {
      const { leads, nextAt } = await store.claim(query);
      return { leads: leads.map(open), nextAt };
    },
    async headsAhead({ orderingKeys, before }) {
      const heads = await store.headsAhead({ orderingKeys: markAll(sealed, orderingKeys), before });
      return { ...heads, leads: heads.leads.map(open) };
    },
    // Those of a call end together.
    settle: async (settlements) =>
      store.settle(await inTurns(sealSome(settlements, (one) => sealSettlement(sealer, one)))),
    expire({ except, problem, ...query }) {
      const shared = sealer.seal(problem, SHARED);
      return store.expire({ ...query, except: [...except, ...unreadable], problem: shared });
    },
  };
}

function lookupsOf({ store, sealer }: Sealed): Pick<OutboxStore, 'find' | 'findBatch' | 'list' | 'read'> {
  return {
    async find(id) {
      const state = await store.find(id);
      return state === undefined ? undefined : openState(sealer, state);
    },
    async findBatch(query) {
      const batch = await store.findBatch(query);
      return batch === undefined ? undefined : openBatch(sealer, batch);
    },
    async list(query) {
      return (await store.list(query)).map((lead) => openListed(sealer, lead));
    },
    async read(id) {
      const lead = await store.read(id);
      return lead === undefined ? undefined : openKept(sealer, lead);
    },
  };
}

function removalsOf(sealed: Sealed): Pick<OutboxStore, 'discard' | 'forget'> {
  const { store, unreadable } = sealed;
  return {
    async discard(id) {
      const seq = await store.discard(id);
      if (seq !== undefined) unreadable.delete(seq);
      return seq;
    },
    async forget({ subjects, from }) {
      const forgotten = await store.forget({ subjects: markAll(sealed, subjects), from });
      for (const { seq } of forgotten.removed) unreadable.delete(seq);
      return forgotten;
    },
  };
}

function warningsOf(count: number): readonly string[] {
  if (count === 0) return [];
  return [
    `no key in OUTBOX_ENCRYPTION_KEYS opens ${count === 1 ? 'a lead' : `${count} leads`} of the outbox; add the key that ${count === 1 ? 'it was' : 'they were'} written with`,
  ];
}

/** The mark that is kept where there can be one only. */
export function firstMark(sealer: Sealer, text: string): string {
  const [mark] = sealer.marks(text);
  if (mark === undefined) throw new Error('a sealer has a key');
  return mark;
}

/** Two keys may stand for the same request as long as one of them is the older's. */
function markIdempotency(sealer: Sealer, { key, fingerprint }: Idempotency): Idempotency {
  const fingerprints = sealer.marks(fingerprint);
  const [first, ...earlier] = sealer
    .marks(key)
    .map((mark, index) => ({ key: mark, fingerprint: fingerprints[index] ?? '' }));
  return { ...(first ?? { key, fingerprint }), earlier };
}

function sealSettlement(sealer: Sealer, settlement: Settlement): Settlement {
  const { id } = settlement;
  return settlement.kind === 'delivered'
    ? { ...settlement, result: sealer.seal(settlement.result, id) }
    : { ...settlement, problem: sealer.seal(settlement.problem, id) };
}

function openProblem(
  sealer: Sealer,
  { id, problem }: { readonly id: string; readonly problem: string },
): string | undefined {
  return sealer.open(problem, id) ?? sealer.open(problem, SHARED);
}

function openState(sealer: Sealer, state: StoredState): StoredState {
  const problemOf = (problem: string) => openProblem(sealer, { id: state.id, problem });
  switch (state.state) {
    case 'pending':
      return { ...state, problem: state.problem === null ? null : (problemOf(state.problem) ?? null) };
    case 'failed':
      return { ...state, problem: problemOf(state.problem) ?? UNREADABLE };
    case 'delivered': {
      const result = sealer.open(state.result, state.id);
      if (result === undefined) throw new StoreFailure('no key opens the result of a lead');
      return { ...state, result };
    }
  }
}

function openBatch(sealer: Sealer, batch: BatchState): BatchState {
  const refusals = sealer.open(batch.refusals, batch.id);
  if (refusals === undefined) throw new StoreFailure('no key opens what is kept of a batch');
  const failures = batch.failures.map((failure) => ({
    ...failure,
    problem: openProblem(sealer, failure) ?? UNREADABLE,
  }));
  return { ...batch, refusals, failures };
}

function openListed(sealer: Sealer, lead: ListedLead): ListedLead {
  const { seq, since } = lead;
  return { ...openState(sealer, lead), seq, since };
}

function openKept(sealer: Sealer, lead: KeptLead): KeptLead {
  const payload = lead.payload === null ? null : (sealer.open(lead.payload, lead.id) ?? null);
  return { ...openListed(sealer, lead), payload };
}
