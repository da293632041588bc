import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createCircuit } from '../../src/outbox/postgres/circuit.ts';
import { StoreFailure } from '../../src/outbox/store.ts';
import { newLead } from '../support/outbox.ts';
import { openReplica } from '../support/stores.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

/** A server that takes connections; to the first that it hears on one, it says `answer`. */
async function startServer(answer = Buffer.alloc(0)): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.once('data', () => socket.write(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { readonly port: number };
  return `postgres://gateway:x@127.0.0.1:${port}/leads`;
}

/** A message of PostgreSQL (https://www.postgresql.org/docs/current/protocol-message-formats.html). */
function message(type: string, body: Buffer): Buffer {
  const head = Buffer.from(`${type}....`);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const QUERY = { orderingKeys: ['ea'], before: null };

test(
  'a direct lead waits a second for a database that does not answer, and those after it do not wait',
  EXHAUSTIVE,
  async () => {
    const clock = createVirtualClock();
    const store = await openReplica('lead_gateway', { url: await startServer(), clock });
    expect(store.warnings()).toEqual(['the database of the outbox cannot be reached']);
    const first = store.headsAhead(QUERY).catch((error: unknown) => error);
    await clock.advance(1000);
    expect(await first).toBeInstanceOf(StoreFailure);
    await expect(store.headsAhead(QUERY)).rejects.toThrow(StoreFailure);
    await expect(store.recall({ owner: 'o', idempotency: { key: 'k', fingerprint: 'f' } })).rejects.toThrow(
      StoreFailure,
    );
    await expect(store.append(newLead())).rejects.toThrow(StoreFailure);
  },
);

test('a server may end a connection in the moment in which it has opened it', async () => {
  const isOpen = [message('R', Buffer.alloc(4)), message('Z', Buffer.from('I'))];
  const isEnded = message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection\0\0'));
  const store = await openReplica('lead_gateway', {
    url: await startServer(Buffer.concat([...isOpen, isEnded])),
  });
  // An error event that goes to no listener fails the test, as it would end the process.
  await expect(store.append(newLead())).rejects.toThrow(StoreFailure);
  expect(store.warnings()).toEqual(['the database of the outbox cannot be reached']);
});

test('one at a time finds out whether the database answers again', async () => {
  const clock = createVirtualClock();
  const circuit = createCircuit({ clock, longestMs: 1000, isSilence: () => false });
  const asked: ((value: string) => void)[] = [];
  const ask = () =>
    circuit(() => new Promise<string>((resolve) => asked.push(resolve))).catch(() => 'failed');
  const slow = ask();
  await clock.advance(1000);
  expect(await slow).toBe('failed');
  expect(await ask()).toBe('failed');
  expect(asked).toHaveLength(1);
  asked[0]?.('late');
  await clock.flush();
  const [one, two] = [ask(), ask()];
  expect(asked).toHaveLength(3);
  for (const answer of asked) answer('there');
  expect(await Promise.all([one, two])).toEqual(['there', 'there']);
});
