import type { Settlement } from '../store.ts';
import type { Leased } from './claim.ts';
import type { Fenced } from './settle.ts';

/** The leads that this replica has on their way, by what proves it. */
export type Leases = ReturnType<typeof createLeases>;

/** Proves nothing: what another has taken since, and may have given back, is not this replica's to end. */
const LOST = -1;

export function createLeases() {
  const fences = new Map<number, number>();
  let tellLost: ((seqs: readonly number[]) => void) | undefined;
  return {
    add(leased: readonly Leased[]) {
      for (const { lead, fence } of leased) fences.set(lead.seq, fence);
      return leased.map(({ lead }) => lead);
    },
    fence: (settlements: readonly Settlement[]): readonly Fenced[] =>
      settlements.map((settlement) => ({ settlement, fence: fences.get(settlement.seq) ?? null })),
    end(fenced: readonly Fenced[]) {
      for (const { settlement, fence } of fenced) {
        if (fences.get(settlement.seq) === fence) fences.delete(settlement.seq);
      }
    },
    seqs: (): readonly number[] => [...fences.keys()],
    /** Those of `asked` that the database does not know as this replica's have been taken by another. */
    keepOnly(held: ReadonlySet<number>, asked: readonly number[]) {
      const lost = asked.filter((seq) => !held.has(seq) && (fences.get(seq) ?? LOST) !== LOST);
      for (const seq of lost) fences.set(seq, LOST);
      if (lost.length > 0) tellLost?.(lost);
    },
    /** Others may take all of them by now: those that are not sent yet must not be. What is sent can still be ended. */
    expire() {
      const own = [...fences].flatMap(([seq, fence]) => (fence === LOST ? [] : [seq]));
      if (own.length > 0) tellLost?.(own);
    },
    onLost(tell: (seqs: readonly number[]) => void) {
      tellLost = tell;
    },
  };
}
