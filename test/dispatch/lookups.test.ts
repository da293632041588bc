import { describe, expect, test } from 'vitest';
import { inWordsOfLookups, tooBusy } from '../../src/dispatch/errors.ts';
import { GatewayError } from '../../src/leads/errors.ts';
import { isFind, type FindLeads } from '../../src/leads/lookup.ts';
import { createCancellation } from '../../src/runtime/cancellation.ts';
import { SAFE_TO_REPEAT, WHETHER_SAVED } from '../../src/upstream/outcome.ts';
import type { Outcome } from '../../src/upstream/outcome.ts';
import type { CallItem, Upstream } from '../../src/upstream/upstream.ts';
import { ORIGIN, startVirtualDispatcher } from '../support/dispatcher.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

/** An upstream that takes 100 ms for a call, stores every lead and finds none, and keeps what it was called for. */
function start(limits: object = {}) {
  const clock = createVirtualClock();
  const calls: string[][] = [];
  const nameOf = ({ command }: CallItem) =>
    isFind(command) ? `find ${command.find.value}` : `write ${command.email}`;
  const upstream: Upstream = {
    firstStep: (command) => ({ group: isFind(command) ? 'find' : 'write', size: 100, note: undefined }),
    async call(items): Promise<Outcome> {
      calls.push(items.map(nameOf));
      await new Promise<void>((resolve) => {
        clock.setTimer(resolve, 100);
      });
      return {
        kind: 'answered',
        records: items.map(({ command }) =>
          isFind(command)
            ? { kind: 'found', leads: [] }
            : { kind: 'stored', result: { leadId: 7, status: 'UPDATED' } },
        ),
      };
    },
    maxBatch: 300,
    maxBatchSize: 1_000_000,
    operationOf: () => 'any',
  };
  const virtual = startVirtualDispatcher({ clock, upstream, limits });
  const find = (value: string, fields?: readonly string[]) => {
    const query: FindLeads = { find: { by: 'email', value }, fields };
    return virtual.dispatcher.find(query, { ...ORIGIN, signal: createCancellation() });
  };
  return { ...virtual, calls, find };
}

describe('lookups', () => {
  test('go after the leads with their key that came before, and before those that come after', async () => {
    const { put, find, calls, clock } = start({ maxConcurrent: 5 });
    put('a@example.com');
    const answer = find('A@example.com');
    put('a@example.com');
    const other = find('b@example.com');
    await clock.advance(400);
    expect(calls).toEqual([
      ['write a@example.com'],
      ['find b@example.com'],
      ['find A@example.com'],
      ['write a@example.com'],
    ]);
    expect([await answer, await other]).toEqual([[], []]);
  });

  test('that ask the same while they wait are one; with other fields they are not', async () => {
    const { put, find, calls, clock } = start({ maxConcurrent: 1 });
    put('first@example.com');
    const all = [find('a@example.com'), find('a@example.com'), find('a@example.com', ['City'])];
    await clock.advance(1000);
    await Promise.all(all);
    expect(calls).toEqual([['write first@example.com'], ['find a@example.com'], ['find a@example.com']]);
  });

  test('share no call with leads', async () => {
    const { put, find, calls, clock } = start({ maxConcurrent: 1 });
    put('first@example.com');
    const waiting = [find('a@example.com'), find('b@example.com')];
    put('c@example.com');
    put('d@example.com');
    await clock.advance(1000);
    await Promise.all(waiting);
    expect(calls.slice(1).map((call) => call.length)).toEqual([2, 2]);
  });
});

test('errors of a lookup say nothing of a lead that was sent or saved', () => {
  expect(inWordsOfLookups(tooBusy(5000))).toMatchObject({
    code: 'upstream-busy',
    retryAfterSeconds: 5,
    detail: expect.not.stringContaining('lead'),
  });
  const unreadable = new GatewayError('upstream-bad-response', {
    detail: `Marketo's answer is not XML, so ${WHETHER_SAVED} ${SAFE_TO_REPEAT}`,
  });
  expect(inWordsOfLookups(unreadable).detail).toBe(
    "Marketo's answer is not XML, so whether there is such a lead is not known.",
  );
  const refused = new GatewayError('lead-rejected', { detail: 'No.' });
  expect(inWordsOfLookups(refused).detail).toBe('No.');
});
