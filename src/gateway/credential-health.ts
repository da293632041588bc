import type { Outcome } from '../upstream/outcome.ts';

/** How long a refusal counts. Without an end a balancer that obeys readiness would never let a call through to clear it. */
const MEMORY_MS = 60_000;

export type CredentialWatch = {
  observe(outcome: Outcome): void;
  /** Why the gateway cannot serve; empty when it can. */
  reasons(): readonly string[];
};

/** Remembers whether the upstream refuses our credentials (docs/operations.md#health). Any other answer clears it. */
export function createCredentialWatch(monotonicMs: () => number): CredentialWatch {
  let refusedAt: number | undefined;
  return {
    observe(outcome) {
      if (outcome.kind === 'failed' && outcome.error === 'upstream-access-denied') refusedAt = monotonicMs();
      else if (isAnswer(outcome)) refusedAt = undefined;
    },
    reasons: () =>
      refusedAt !== undefined && monotonicMs() - refusedAt < MEMORY_MS
        ? ["the upstream refuses this gateway's credentials"]
        : [],
  };
}

/** Whether it was the upstream itself that answered, and not something in between. */
function isAnswer(outcome: Outcome): boolean {
  if (outcome.kind === 'failed') return outcome.how === 'rejected' || outcome.how === 'fault';
  return outcome.kind !== 'cancelled';
}
