import type { Failure } from '../../src/upstream/outcome.ts';

/** A fault of an upstream that nothing is said of but what the test says. */
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
