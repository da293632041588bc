import {
  type AttemptOutcome,
  type BatchOutcome,
  type FailedOutcome,
  retryAdvice,
} from '../marketo-soap/outcome.ts';
import type { BreakerVerdict } from './breaker.ts';
import type { CallVerdict } from './quota.ts';

/** What the end of a call means to the budgets, to the breaker and to the leads in it. */

export function isFailure(outcome: AttemptOutcome | BatchOutcome): outcome is FailedOutcome {
  return !['stored', 'answered', 'mismatched', 'cancelled'].includes(outcome.kind);
}

/** What an outcome costs, and what it says of the budgets. */
export function quotaVerdict(outcome: AttemptOutcome | BatchOutcome): CallVerdict {
  if (outcome.kind === 'cancelled') return 'unsent';
  if (outcome.kind === 'unreachable') return outcome.wasSent ? 'unclear' : 'unsent';
  if (outcome.kind !== 'fault') return outcome.kind === 'timeout' ? 'unclear' : 'counted';
  const advice = retryAdvice(outcome);
  return advice === 'day-spent' || advice === 'rate-limited' || advice === 'too-many-at-once'
    ? advice
    : 'counted';
}

/** What an outcome says about the other side's being there; a broken connection says neither. */
export function breakerVerdict(outcome: AttemptOutcome | BatchOutcome): BreakerVerdict {
  switch (outcome.kind) {
    case 'unreachable':
      return outcome.wasSent ? 'unclear' : 'dead';
    case 'timeout':
      return 'dead';
    case 'cancelled':
      return 'unclear';
    default:
      return 'alive';
  }
}
