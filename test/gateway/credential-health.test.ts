import { expect, test } from 'vitest';
import { createCredentialWatch } from '../../src/gateway/credential-health.ts';
import type { AttemptOutcome } from '../../src/marketo-soap/outcome.ts';

const fault = (code: number): AttemptOutcome => ({
  kind: 'fault',
  fault: { code, message: '' },
  retryAfter: undefined,
});

test('a refusal of the credentials is a reason until another answer comes or a minute has passed', () => {
  let now = 0;
  const watch = createCredentialWatch(() => now);
  expect(watch.reasons()).toEqual([]);
  watch.observe(fault(20014));
  expect(watch.reasons()).toHaveLength(1);
  watch.observe({ kind: 'timeout', cause: undefined });
  expect(watch.reasons()).toHaveLength(1);
  watch.observe(fault(20105));
  expect(watch.reasons()).toEqual([]);
  watch.observe(fault(20013));
  now = 60_000;
  expect(watch.reasons()).toEqual([]);
});
