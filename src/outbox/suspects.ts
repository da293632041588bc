import type { ErrorCode } from '../leads/errors.ts';

/** Leads whose calls have failed for a reason that may be one of them. */
export type Suspects = {
  /** What keeps a lead from others in a call: those with the same text go together. Undefined: with all others. */
  groupOf(seq: number): string | undefined;
  /** Whether nothing but the lead itself can be the reason: it went alone, and others have gone through. */
  wasAlone(seq: number): boolean;
  /** An attempt has failed and another one follows. @param inCall leads of the call; 0: there was none */
  failed(seq: number, code: ErrorCode, inCall: number): void;
  /** The lead is delivered or given up. */
  ended(seq: number): void;
};

/** Problems that one lead of a call may cause for all of it. */
const OF_ONE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'upstream-error',
  'upstream-timeout',
  'upstream-bad-response',
  'internal-error',
]);

/** How many go together after the first, the second … failure: a lead that spoils every call is alone after about 20 calls. */
const SIZES = [100, 30, 10, 1];

/** Leads that are remembered. Those of a process before are as if they had never failed. */
const MAX_KNOWN = 20_000;

export function createSuspects(): Suspects {
  const failures = new Map<number, number>();
  const groups = SIZES.map(() => ({ number: 0, count: 0 }));
  return {
    groupOf(seq) {
      const level = failures.get(seq);
      if (level === undefined) return undefined;
      const group = groups[level];
      if (group === undefined) return undefined;
      if (group.count === SIZES[level]) Object.assign(group, { number: group.number + 1, count: 0 });
      group.count += 1;
      return `apart ${level} ${group.number}`;
    },
    wasAlone: (seq) => failures.get(seq) === SIZES.length - 1,
    failed(seq, code, inCall) {
      const level = failures.get(seq);
      if (!OF_ONE.has(code) || (level === undefined && (inCall < 2 || failures.size >= MAX_KNOWN))) return;
      failures.set(seq, Math.min(SIZES.length - 1, level === undefined ? 0 : level + 1));
    },
    ended: (seq) => void failures.delete(seq),
  };
}
