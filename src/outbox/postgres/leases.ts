import { type Settlement, StoreFailure } from '../store.ts';
import type { Leased } from './claim.ts';
import type { Fenced } from './settle.ts';

/** The leads that this replica has on their way, by what proves it. */
export type Leases = ReturnType<typeof createLeases>;

/** A question to the database for leads; its answer may come late. */
type Question = { readonly term: number; readonly askedAt: number };

/** Proves nothing: what another has taken since, and may have given back, is not this replica's to end. */
const LOST = -1;

/** Tells which answers of the database come too late: leads may be another's by then, or have ended. */
function createQuestions() {
  /** Leads that ended while questions were on their way, by when. */
  const ended = new Map<number, number>();
  const open = new Set<Question>();
  let term = 0;
  let isExpired = false;
  let ends = 0;

  const isTimely = (question: Question, seq: number) =>
    !isExpired && question.term === term && (ended.get(seq) ?? 0) <= question.askedAt;

  /** Those that ended before the oldest question. */
  const forgetEnded = () => {
    const [oldest] = open;
    for (const [seq, at] of ended) {
      if (oldest !== undefined && at > oldest.askedAt) return;
      ended.delete(seq);
    }
  };

  return {
    /** Gives of an answer what is still this replica's. */
    async timely(question: () => Promise<readonly Leased[]>): Promise<readonly [Leased[], number]> {
      // Others may take what it is given.
      if (isExpired) throw new StoreFailure('the database has not heard of this replica for too long');
      const asked = { term, askedAt: ends };
      open.add(asked);
      try {
        const leased = await question();
        const timely = leased.filter(({ lead }) => isTimely(asked, lead.seq));
        return [timely, leased.length - timely.length];
      } finally {
        open.delete(asked);
        forgetEnded();
      }
    },
    end(seqs: readonly number[]) {
      ends += 1;
      for (const seq of seqs) {
        ended.delete(seq);
        if (open.size > 0) ended.set(seq, ends);
      }
    },
    expire() {
      isExpired = true;
      term += 1;
    },
    renew() {
      isExpired = false;
    },
  };
}

export function createLeases() {
  const fences = new Map<number, number>();
  const questions = createQuestions();
  let tellLost: ((seqs: readonly number[]) => void) | undefined;
  return {
    /** Asks for leads; gives those that may go, and how many may not because the answer came late. */
    async ask(
      question: () => Promise<readonly Leased[]>,
    ): Promise<{ readonly leads: readonly Leased['lead'][]; readonly late: number }> {
      const [leased, late] = await questions.timely(question);
      for (const { lead, fence } of leased) fences.set(lead.seq, fence);
      return { leads: leased.map(({ lead }) => lead), late };
    },
    fence: (settlements: readonly Settlement[]): readonly Fenced[] =>
      settlements.map((settlement) => ({ settlement, fence: fences.get(settlement.seq) ?? null })),
    end(fenced: readonly Fenced[]) {
      for (const { settlement, fence } of fenced) {
        if (fences.get(settlement.seq) === fence) fences.delete(settlement.seq);
      }
      questions.end(fenced.map(({ settlement }) => settlement.seq));
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
      questions.expire();
      const own = [...fences].flatMap(([seq, fence]) => (fence === LOST ? [] : [seq]));
      if (own.length > 0) tellLost?.(own);
    },
    /** The database has heard of this replica: what it is given from now on is its own. */
    renew: questions.renew,
    onLost(tell: (seqs: readonly number[]) => void) {
      tellLost = tell;
    },
  };
}
