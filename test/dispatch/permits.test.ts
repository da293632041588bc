import { expect, test } from 'vitest';
import type { CallPermits, PermitAnswer } from '../../src/dispatch/permits.ts';
import type { CallVerdict } from '../../src/upstream/outcome.ts';
import { createCancellation } from '../../src/runtime/cancellation.ts';
import { ORIGIN } from '../support/origin.ts';
import { startDispatcher } from '../support/dispatch.ts';
import { startTestSandbox } from '../support/sandbox.ts';

type Release = { readonly verdict: CallVerdict; readonly pauseMs: number };

/** Permits as the answers say, one after the other, the last one for ever. */
function permitsOf(answers: readonly (() => PermitAnswer)[]) {
  const asked: (readonly (readonly string[])[])[] = [];
  const permits: CallPermits = {
    async acquire(leads) {
      asked.push(leads);
      const answer = answers[Math.min(asked.length, answers.length) - 1];
      if (answer === undefined) throw new Error('no answer');
      return answer();
    },
    peerLoad: () => ({ demandPerSecond: 0, activePeers: 1 }),
  };
  return { asked, permits };
}

function granting(released: Release[], ...held: number[]) {
  return (): PermitAnswer => ({
    kind: 'granted',
    held: new Set(held),
    release: (verdict, pauseMs) => void released.push({ verdict, pauseMs }),
  });
}

const denied = (ms: number) => (): PermitAnswer => ({ kind: 'denied', retryAtMs: performance.now() + ms });

const context = () => ({ ...ORIGIN, signal: new AbortController().signal });
const lead = (email: string) => ({ email, attributes: [], returnLead: false });

test('a call asks for leave with the keys of its leads, and gives it back when it has ended', async () => {
  const sandbox = await startTestSandbox();
  const released: Release[] = [];
  const { asked, permits } = permitsOf([granting(released)]);
  const dispatcher = startDispatcher(sandbox, { permits });
  await dispatcher.upsert({ ...lead('A@example.com'), marketoCookie: 'c' }, context());
  expect(asked).toEqual([[['cc', 'ea@example.com']]]);
  expect(released).toEqual([{ verdict: 'counted', pauseMs: 0 }]);
});

test('a denied call is made when it was said to ask again, together with what came meanwhile; no attempt is counted', async () => {
  const sandbox = await startTestSandbox();
  const { permits } = permitsOf([denied(150), granting([])]);
  const dispatcher = startDispatcher(sandbox, { permits, maxConcurrent: 1 });
  const from = performance.now();
  const reports: number[] = [];
  await Promise.all(
    ['a', 'b', 'c'].map((name) =>
      dispatcher.upsert(lead(`${name}@example.com`), {
        ...context(),
        report: ({ attempts }) => reports.push(attempts),
      }),
    ),
  );
  expect(performance.now() - from).toBeGreaterThan(145);
  expect((await sandbox.calls()).map(({ records }) => records)).toEqual([3]);
  expect(reports).toEqual([1, 1, 1]);
});

test('a lead whose key is on its way elsewhere waits for itself; the others of its call go', async () => {
  const sandbox = await startTestSandbox();
  const released: Release[] = [];
  const { permits } = permitsOf([
    denied(30),
    granting(released, 1),
    granting(released, 0),
    granting(released),
  ]);
  const dispatcher = startDispatcher(sandbox, { permits, maxConcurrent: 1 });
  await Promise.all(['a', 'b', 'c'].map((name) => dispatcher.upsert(lead(`${name}@example.com`), context())));
  expect((await sandbox.calls()).map(({ records }) => records)).toEqual([2, 1]);
  // The call nothing was left of was not sent.
  expect(released.map(({ verdict }) => verdict).toSorted()).toEqual(['counted', 'counted', 'unsent']);
  expect(dispatcher.orderingKeys()).toBe(0);
});

test('a waiter who leaves while leave is asked for is taken out, and nothing is sent', async () => {
  const sandbox = await startTestSandbox();
  const released: Release[] = [];
  let answer: (answer: PermitAnswer) => void = () => {};
  const permits: CallPermits = {
    acquire: () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
    peerLoad: () => ({ demandPerSecond: 0, activePeers: 1 }),
  };
  const dispatcher = startDispatcher(sandbox, { permits });
  const { signal, cancel } = createCancellation();
  const asked = dispatcher.upsert(lead('a@example.com'), { ...ORIGIN, signal });
  cancel();
  await expect(asked).rejects.toMatchObject({ code: 'upstream-timeout' });
  answer(granting(released)());
  await expect.poll(() => released).toEqual([{ verdict: 'unsent', pauseMs: 0 }]);
  expect(await sandbox.calls()).toEqual([]);
  expect([dispatcher.queued(), dispatcher.orderingKeys()]).toEqual([0, 0]);
});

test('what the upstream refuses for its limits is told with the pause it asks for', async () => {
  const sandbox = await startTestSandbox();
  await sandbox.control('POST', '/next', { fault: { code: 20023 } });
  const released: Release[] = [];
  const { permits } = permitsOf([granting(released)]);
  const dispatcher = startDispatcher(sandbox, { permits });
  await dispatcher.upsert(lead('a@example.com'), context());
  expect(released.map(({ verdict }) => verdict)).toEqual(['rate-limited', 'counted']);
  expect(released[0]?.pauseMs).toBeGreaterThan(900);
});

test('the parts of a refused batch stay the companies they are when leave is denied', async () => {
  const sandbox = await startTestSandbox();
  // Refused for one lead's sake without a name: halved until it is alone.
  await sandbox.control('POST', '/next', { fault: { code: 20105, message: 'unknown fields' }, times: 1 });
  const { asked, permits } = permitsOf([denied(30), granting([]), denied(30), granting([])]);
  const dispatcher = startDispatcher(sandbox, { permits, maxConcurrent: 1 });
  await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) => dispatcher.upsert(lead(`${name}@example.com`), context())),
  );
  expect(asked.map(({ length }) => length)).toEqual([1, 4, 2, 2, 2]);
});
