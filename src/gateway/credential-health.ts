import type { AttemptOutcome, BatchOutcome } from '../marketo-soap/outcome.ts';

/** How long a refusal counts. Without an end a balancer that obeys readiness would never let a call through to clear it. */
const MEMORY_MS = 60_000;

const REFUSED: ReadonlySet<number | null> = new Set([20013, 20014]);

/** Kinds of outcomes that show that the upstream let us in. */
const TAKEN: ReadonlySet<string> = new Set(['stored', 'rejected', 'answered', 'mismatched', 'fault']);

export type CredentialWatch = {
  observe(outcome: AttemptOutcome | BatchOutcome): void;
  /** Why the gateway cannot serve; empty when it can. */
  reasons(): readonly string[];
};

/** Remembers whether the upstream refuses our credentials (contract B, `GET /readyz`). Any other answer clears it. */
export function createCredentialWatch(monotonicMs: () => number): CredentialWatch {
  let refusedAt: number | undefined;
  return {
    observe(outcome) {
      if (outcome.kind === 'fault' && REFUSED.has(outcome.fault.code)) refusedAt = monotonicMs();
      else if (TAKEN.has(outcome.kind)) {
        refusedAt = undefined;
      }
    },
    reasons: () =>
      refusedAt !== undefined && monotonicMs() - refusedAt < MEMORY_MS
        ? ["the upstream refuses this gateway's credentials"]
        : [],
  };
}
