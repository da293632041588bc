import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { success } from '../support/answers.ts';
import { IS_THOROUGH } from '../support/fuzz.ts';
import { startTestGateway, upstreamAt } from '../support/gateway.ts';
import { startRawUpstream } from '../support/upstream.ts';
import { rawAnswer } from './behaviours/behaviour.ts';
import { startLoopClock } from '../support/time.ts';
import { testEvery } from '../support/exhaustive.ts';

const ANSWER = rawAnswer(success());
/** Every lead alone: the upstream here knows one answer. */
const UNLIMITED = {
  MARKETO_MAX_CALLS_PER_20S: '100000',
  MARKETO_MAX_CONCURRENT: '10',
  MARKETO_MAX_BATCH: '1',
};

const pause = (ms: number) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

const CALLERS = 8;
const LEADS_EACH = IS_THOROUGH ? 50 : 10;

testEvery<[string, (socket: Socket) => void]>(2, [
  ['closes', (socket) => void socket.end()],
  ['resets', (socket) => void socket.resetAndDestroy()],
])('no caller notices that the upstream %s connections soon after each answer', async (_what, leave) => {
  let requests = 0;
  const upstream = await startRawUpstream({
    onRequest(socket) {
      requests += 1;
      socket.write(ANSWER);
      // Now and then just when the next request is on its way.
      if (requests % 3 === 0) setTimeout(() => leave(socket), requests % 7);
    },
  });
  const gateway = await startTestGateway({ ...upstreamAt(upstream.endpoint), ...UNLIMITED });
  const statuses: number[] = [];
  const caller = async (name: number) => {
    for (let lead = 0; lead < LEADS_EACH; lead += 1) {
      const { status } = await gateway.putLead({ email: `c${name}.${lead}@example.com` });
      statuses.push(status);
      await pause(lead % 5);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, name) => caller(name)));
  expect(statuses).toEqual(Array.from({ length: CALLERS * LEADS_EACH }, () => 200));
});

test('a connection that went while it was idle costs the next caller nothing', async () => {
  const upstream = await startRawUpstream({ onRequest: (socket) => void socket.write(ANSWER) });
  const gateway = await startTestGateway({ ...upstreamAt(upstream.endpoint), ...UNLIMITED });
  for (let round = 0; round < 3; round += 1) {
    const elapsedMs = startLoopClock();
    expect((await gateway.putLead({ email: 'a@b.c' })).status).toBe(200);
    expect(elapsedMs()).toBeLessThan(500);
    for (const socket of upstream.sockets) socket.resetAndDestroy();
    await pause(20);
  }
  expect(upstream.requests).toHaveLength(3);
});

test('connections that are all found gone when they are used are replaced, and no caller is refused', async () => {
  // Between two rounds the upstream has closed every connection, which shows only when a request is sent on it.
  let round = 0;
  const openedIn = new WeakMap<Socket, number>();
  const upstream = await startRawUpstream({
    onRequest(socket) {
      if (!openedIn.has(socket)) openedIn.set(socket, round);
      const isGone = openedIn.get(socket) !== round;
      // Slow enough that callers who come together each get a connection.
      setTimeout(() => (isGone ? socket.resetAndDestroy() : socket.write(ANSWER)), isGone ? 0 : 30);
    },
  });
  const gateway = await startTestGateway({ ...upstreamAt(upstream.endpoint), ...UNLIMITED });
  for (; round < 5; round += 1) {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, lead) => gateway.putLead({ email: `a${round}.${lead}@b.c` })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 200));
  }
});

test('the gateway leaves no connection behind when it closes', async () => {
  const upstream = await startRawUpstream({ onRequest: (socket) => void socket.write(ANSWER) });
  const gateway = await startTestGateway({ ...upstreamAt(upstream.endpoint), ...UNLIMITED });
  await Promise.all(Array.from({ length: 5 }, (_, lead) => gateway.putLead({ email: `a${lead}@b.c` })));
  expect(upstream.sockets.size).toBeGreaterThan(0);
  await gateway.close();
  await expect.poll(() => upstream.sockets.size).toBe(0);
});
