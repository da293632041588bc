import type { ErrorCode } from '../leads/errors.ts';

/** What any operation that may need a call to Marketo can answer with. */
export const CALL_PROBLEMS = [
  'rate-limited',
  'daily-quota-exhausted',
  'upstream-busy',
  'internal-error',
  'upstream-error',
  'upstream-access-denied',
  'upstream-clock-skew',
  'upstream-unreachable',
  'upstream-bad-response',
  'unavailable',
  'upstream-timeout',
] as const satisfies readonly ErrorCode[];
