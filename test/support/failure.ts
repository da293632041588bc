import type { Failure } from '../../src/upstream/outcome.ts';

/** A fault of an upstream with only what the test sets. */
export function failureOf(members: Partial<Failure> = {}): Failure {
  return {
    kind: 'failed',
    how: 'fault',
    error: 'upstream-error',
    advice: 'never',
    isolates: 'call',
    counted: 'yes',
    unknownAttributes: [],
    retryAfter: undefined,
    explain: () => ({ detail: 'No.' }),
    ...members,
  };
}
