import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectPostgres } from '../../src/outbox/postgres/connection.ts';
import { lockNames } from '../../src/outbox/postgres/locks.ts';
import { StoreFailure, UnusableStore } from '../../src/outbox/store.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { newLead } from '../support/outbox.ts';
import { openReplica, POSTGRES_URL, query, schemaForTest } from '../support/stores.ts';
import { createVirtualClock } from '../support/virtual-clock.ts';

async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    onConnection(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { readonly port: number }).port;
}

/** A message of PostgreSQL (https://www.postgresql.org/docs/current/protocol-message-formats.html). */
function message(type: string, body: string | Buffer): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.from(`${type}....`);
  head.writeInt32BE(bytes.length + 4, 1);
  return Buffer.concat([head, bytes]);
}

const READY = message('Z', 'I');

const refusal = (code: string) => message('E', `SERROR\0C${code}\0Mthe server says why\0\0`);

/** A server that begins and ends transactions, and refuses those statements that `codeFor` gives a code for. */
async function startServer(codeFor: (statement: string) => string | undefined, room = Infinity) {
  const server = { connections: 0, url: '' };
  const answer = (data: Buffer): Buffer => {
    const statement = data.toString('latin1');
    const code = /BEGIN|ROLLBACK|COMMIT/.test(statement) ? undefined : codeFor(statement);
    const parsed = data[0] === 0x51 ? [] : [message('1', ''), message('2', ''), message('n', '')];
    const said = code === undefined ? [...parsed, message('C', 'SELECT 0\0')] : [refusal(code)];
    return Buffer.concat([...said, READY]);
  };
  const port = await listen((socket) => {
    server.connections += 1;
    const hasRoom = server.connections <= room;
    socket.once('data', () => {
      if (!hasRoom) return void socket.end(refusal('53300'));
      socket.write(Buffer.concat([message('R', Buffer.alloc(4)), READY]));
      socket.on('data', (data) => void (data[0] === 0x58 ? socket.end() : socket.write(answer(data))));
    });
  });
  server.url = `postgres://gateway:x@127.0.0.1:${port}/leads`;
  return server;
}

const warningOf = (code: string) =>
  `the database of the outbox refuses what it has to do: the server says why (${code})`;

test.each(['25006', '25P03', '40001', '53300', '55P03', '57014', '58030'])(
  'a server that refuses what it may do later (%s) keeps no gateway from starting, and is told of',
  async (code) => {
    const { url } = await startServer(() => code);
    const store = await openReplica('lead_gateway', { url });
    await expect(store.append(newLead())).rejects.toThrow(StoreFailure);
    expect(store.warnings()).toEqual(code === '40001' ? [] : [warningOf(code)]);
  },
);

test('a connection to a server that may only be read is not used again', async () => {
  const server = await startServer(() => '25006');
  const store = await openReplica('lead_gateway', { url: server.url });
  for (let tries = 0; tries < 3; tries += 1) {
    await expect(store.append(newLead())).rejects.toThrow(StoreFailure);
  }
  expect(server.connections).toBe(4);
});

test('a server that has no room for more connections serves those that it has', async () => {
  const { url } = await startServer(() => undefined, 2);
  const connection = await connectPostgres(url, { onDown: expect.fail, onUp: () => {} }, systemClock);
  onTestFinished(connection.close);
  const work = Array.from({ length: 80 }, (_, index) =>
    index % 2 === 0 ? connection.query('read') : connection.transaction((sql) => sql.query('read')),
  );
  expect(await Promise.all(work)).toHaveLength(80);
});

test('a server that refuses some statements is told of once, until it has refused none for a while', async () => {
  const clock = createVirtualClock();
  const { url } = await startServer((statement) => (statement.includes('write') ? '42501' : undefined));
  const told: string[] = [];
  const observer = { onDown: () => told.push('down'), onUp: () => told.push('up') };
  const connection = await connectPostgres(url, observer, clock);
  onTestFinished(connection.close);
  for (let times = 0; times < 3; times += 1) {
    await expect(connection.query('write')).rejects.toThrow(StoreFailure);
    await connection.query('read');
  }
  expect(told).toEqual(['down']);
  await clock.advance(10_000);
  await connection.query('read');
  expect(told).toEqual(['down', 'up']);
});

test('a value that a server does not take says nothing of the server', async () => {
  const { url } = await startServer(() => '22021');
  const connection = await connectPostgres(url, { onDown: expect.fail, onUp: () => {} }, systemClock);
  onTestFinished(connection.close);
  await expect(connection.query('anything')).rejects.toThrow(StoreFailure);
});

describe.runIf(POSTGRES_URL !== undefined)('a server that is set up in another way', () => {
  const withDefault = (setting: string) => {
    const url = new URL(POSTGRES_URL ?? '');
    url.searchParams.set('options', `-c ${setting}`);
    return url.href;
  };

  test.each(['repeatable read', 'serializable'])('keeps the order of a key: %s', async (isolation) => {
    const schema = schemaForTest();
    const url = withDefault(`default_transaction_isolation=${isolation.replace(' ', '\\ ')}`);
    const replicas = [];
    for (let count = 0; count < 6; count += 1) replicas.push(await openReplica(schema, { url }));
    await Promise.all(replicas.map((store) => store.append(newLead({ orderingKeys: ['ea'] }))));
    const heads = await query(`SELECT count(*) FROM ${schema}.leads WHERE behind = 0`);
    expect(heads).toEqual([{ count: '1' }]);
  });

  test('does not get a schema if it lacks characters that leads may have', async () => {
    const database = schemaForTest();
    await query(`CREATE DATABASE ${database} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`);
    onTestFinished(async () => void (await query(`DROP DATABASE ${database} WITH (FORCE)`)));
    const url = new URL(POSTGRES_URL ?? '');
    url.pathname = `/${database}`;
    const opened = openReplica('lead_gateway', { url: url.href });
    await expect(opened).rejects.toThrow(UnusableStore);
    await expect(opened).rejects.toThrow(/has the encoding LATIN1, .* use one with UTF8/);
  });

  test('forgets the locks of one whose host is gone without a word', async () => {
    const target = new URL(POSTGRES_URL ?? '');
    let isGone = false;
    const port = await listen((socket) => {
      const inner = connect(Number(target.port), target.hostname).on('error', () => {});
      socket.on('data', (data) => void (isGone || inner.write(data)));
      inner.on('data', (data) => void (isGone || socket.write(data)));
      inner.on('close', () => socket.destroy());
      onTestFinished(() => void inner.destroy());
    });
    const url = new URL(target);
    url.port = String(port);
    const observer = { onDown: () => {}, onUp: () => {} };
    const gone = await connectPostgres(url.href, observer, systemClock, 1000);
    const other = await connectPostgres(target.href, observer, systemClock);
    onTestFinished(async () => {
      await Promise.all([gone.close(), other.close()]);
    });
    const lock = (connection: typeof gone, then: () => void) =>
      connection.transaction(async (sql) => {
        await lockNames(sql, 'gone', ['ea']);
        then();
        await sql.query('SELECT 1');
      });
    await expect(lock(gone, () => void (isGone = true))).rejects.toThrow(StoreFailure);
    let isLocked = false;
    await lock(other, () => void (isLocked = true));
    expect(isLocked).toBe(true);
  });
});
