import { expect, test } from 'vitest';
import { createSoapClient, createSoapUpstream } from '../../src/marketo-soap/client.ts';
import { createUpstreamClock } from '../../src/marketo-soap/signing.ts';
import { createCancellation } from '../../src/runtime/cancellation.ts';
import type { HttpPost } from '../../src/transport/http-post.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

const LONG = 'x'.repeat(60_000);

/** A call with one lead or more, and in which turns of the event loop, from its own on, it is posted and its outcome known. */
async function turnsOf(leads: number, value: string, reply: string): Promise<readonly [number, number]> {
  const clock = createVirtualClock();
  let turn = 0;
  let isOver = false;
  const next = () => {
    turn += 1;
    if (!isOver) setImmediate(next);
  };
  let posted = 0;
  let answered = 0;
  const post: HttpPost = async () => {
    posted = turn;
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
    answered = turn;
    return {
      kind: 'response',
      status: 500,
      contentType: 'text/xml',
      body: Buffer.from(reply),
      retryAfter: undefined,
      date: undefined,
      redirectsTo: undefined,
    };
  };
  const client = createSoapClient({
    post,
    credentials: { userId: 'u', encryptionKey: 'k' },
    clock: createUpstreamClock(clock.now, () => {}),
    timeoutMs: 1000,
    userAgent: 'test',
  });
  const upstream = createSoapUpstream(client, clock);
  const attributes = ['a', 'b'].map((name) => ({ name, value }));
  const items = Array.from({ length: leads }, (_, at) => {
    const command = { email: `${at}@example.com`, attributes, returnLead: false };
    const step = upstream.firstStep(command);
    if ('error' in step) throw new Error(step.error);
    return { command, step };
  });
  setImmediate(next);
  const context = { signal: createCancellation(), origins: [] };
  const outcome = await upstream.call(items, context);
  isOver = true;
  expect(outcome.kind).toBe('failed');
  return [posted, turn - answered];
}

test('a long lead is written, sent, read and explained in turns of the event loop', async () => {
  expect(await turnsOf(1, 'x', '<no/>')).toEqual([0, 0]);
  expect(await turnsOf(1, LONG, `<no>${LONG}${LONG}</no>`)).toEqual([2, 2]);
});

test('so is a call of many leads', async () => {
  expect(await turnsOf(2, 'x', '<no/>')).toEqual([0, 0]);
  expect(await turnsOf(2, LONG, `<no>${LONG}${LONG}</no>`)).toEqual([1, 2]);
});
