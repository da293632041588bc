import { expect, test } from 'vitest';
import type { SyncStep } from '../../src/marketo-rest/step.ts';
import { createUnsettledKeys } from '../../src/marketo-rest/unsettled-keys.ts';

function step(lookupField: string, key: string, email?: string): SyncStep {
  const command = { attributes: [], returnLead: false, ...(email !== undefined && { email }) };
  return {
    kind: 'sync',
    group: '',
    size: 0,
    note: undefined,
    action: 'createOrUpdate',
    lookupField,
    key,
    partition: undefined,
    lead: { members: '', paths: new Map() },
    json: '{}',
    associates: false,
    plan: { command, partition: undefined, wasRestarted: false, othersMayRunUntilMs: 0, refused: undefined },
  };
}

test('keys wait until their call must have ended, without case', () => {
  const keys = createUnsettledKeys();
  keys.mark([step('email', 'a@example.com', 'a@example.com')], 90_000, 0);
  expect(keys.untilMs(step('email', 'A@example.com'), 89_999)).toBe(90_000);
  expect(keys.untilMs(step('email', 'A@example.com'), 90_000)).toBeUndefined();
  expect(keys.untilMs(step('email', 'b@example.com'), 1)).toBeUndefined();
});

test('a lead that another process may have sent waits for that call as well', () => {
  const keys = createUnsettledKeys();
  const own = step('email', 'a@example.com');
  const sent = { ...own, plan: { ...own.plan, othersMayRunUntilMs: 60_000 } };
  expect(keys.untilMs(sent, 59_999)).toBe(60_000);
  expect(keys.untilMs(sent, 60_000)).toBeUndefined();
  keys.mark([own], 90_000, 0);
  expect(keys.untilMs(sent, 1)).toBe(90_000);
});

test('a lead by a foreign id could be found by its email, too', () => {
  const keys = createUnsettledKeys();
  keys.mark([step('crmPersonId', 'C1', 'a@example.com')], 90_000, 0);
  expect(keys.untilMs(step('email', 'a@example.com', 'a@example.com'), 1)).toBe(90_000);
  expect(keys.untilMs(step('crmPersonId', 'c1'), 1)).toBe(90_000);
  expect(keys.untilMs(step('netsuiteId', 'c1'), 1)).toBeUndefined();
});

test('the later end counts, and ended keys are forgotten', () => {
  const ends = new Map<string, number>();
  const keys = createUnsettledKeys(ends);
  keys.mark([step('email', 'a@example.com')], 90_000, 0);
  keys.mark([step('email', 'a@example.com')], 95_000, 5000);
  keys.mark([step('email', 'b@example.com')], 90_001, 5001);
  expect(keys.untilMs(step('email', 'a@example.com'), 93_000)).toBe(95_000);
  keys.mark([step('email', 'c@example.com')], 200_000, 110_000);
  expect(ends.size).toBe(1);
});
