import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import express from 'express';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type HttpServer, startHttpServer } from '../../src/http-server/server.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

/** A grace period that no test outlasts: what ends has not waited for it. */
const LONG_MS = 600_000;

type Handler = express.RequestHandler;

async function serve(handler: Handler, host = '127.0.0.1'): Promise<HttpServer & { app: express.Express }> {
  const app = express();
  app.use(handler);
  const server = await startHttpServer(app, { host, port: 0, newRequestId: () => 'new-id' });
  onTestFinished(() => server.close(0));
  return { ...server, app };
}

/** A connection, with all it has received. */
async function dial(
  url: string,
): Promise<{ socket: Socket; received: () => string; ended: Promise<unknown> }> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  const ended = new Promise((resolve) => socket.once('close', resolve));
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return { socket, received: () => text, ended };
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

/** Holds every answer back until it is released. */
function held(): { handler: Handler; release: () => void; arrived: () => number } {
  const waiting: (() => void)[] = [];
  return {
    handler: (_req, res) => void waiting.push(() => res.end('done')),
    release: () => waiting.forEach((answer) => answer()),
    arrived: () => waiting.length,
  };
}

describe('startHttpServer', () => {
  test('rejects with the error of listen when the port is taken', async () => {
    const first = await serve((_req, res) => void res.end());
    const port = Number(new URL(first.url).port);
    await expect(
      startHttpServer(express(), { host: '127.0.0.1', port, newRequestId: () => 'new-id' }),
    ).rejects.toMatchObject({
      code: 'EADDRINUSE',
      port,
    });
  });

  test.each(['0.0.0.0', '127.0.0.1'])(
    'tells an address that can be called when it listens on %s',
    async (host) => {
      const { url } = await serve((_req, res) => void res.end('hello'), host);
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      expect(await (await fetch(url)).text()).toBe('hello');
    },
  );

  test.each(['::', '::1'])('puts the IPv6 address %s in brackets', async (host) => {
    const server = await serve((_req, res) => void res.end('hello'), host).catch(() => undefined);
    // Not every machine has IPv6.
    if (server === undefined) return;
    expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect(await (await fetch(server.url)).text()).toBe('hello');
  });

  test('makes requests and responses that have the prototypes of express from the start', async () => {
    const seen: boolean[] = [];
    const { app, url } = await serve((_req, res) => void res.end());
    const setPrototypeOf = vi
      .spyOn(Object, 'setPrototypeOf')
      .mockImplementation((target: object, prototype) => {
        if (prototype === app.request || prototype === app.response) {
          seen.push(Object.getPrototypeOf(target) === prototype);
        }
        return Reflect.setPrototypeOf(target, prototype) ? target : target;
      });
    onTestFinished(() => setPrototypeOf.mockRestore());
    await fetch(url);
    expect(seen).toEqual([true, true]);
  });
});

describe('close', () => {
  test('lets a request that is being served end, and tells its connection to close', async () => {
    const { handler, release, arrived } = held();
    const server = await serve(handler);
    const { socket, received, ended } = await dial(server.url);
    socket.write(GET);
    await vi.waitFor(() => expect(arrived()).toBe(1));
    const closed = server.close(5000);
    release();
    await closed;
    await ended;
    expect(received()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n[^]*done$/);
  });

  test('closes idle connections at once, also those that never sent anything', async () => {
    const server = await serve((_req, res) => void res.end('done'));
    const idle = await dial(server.url);
    const fresh = await dial(server.url);
    idle.socket.write(GET);
    await vi.waitFor(() => expect(idle.received()).toContain('done'));
    await server.close(LONG_MS);
    await Promise.all([idle.ended, fresh.ended]);
  });

  test('closes a connection whose answer had begun once it is complete', async () => {
    const answers: express.Response[] = [];
    const server = await serve((_req, res) => {
      res.write('begun ');
      answers.push(res);
    });
    const { socket, received, ended } = await dial(server.url);
    socket.write(GET);
    await vi.waitFor(() => expect(received()).toContain('begun'));
    const closed = server.close(LONG_MS);
    answers[0]?.end('done');
    await closed;
    await ended;
    expect(received()).toContain('done');
  });

  test('cuts off what has not ended within the grace period', async () => {
    const { handler, arrived } = held();
    const server = await serve(handler);
    const { socket, ended } = await dial(server.url);
    socket.write(GET);
    await vi.waitFor(() => expect(arrived()).toBe(1));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const closed = server.close(LONG_MS);
    vi.advanceTimersByTime(LONG_MS - 1);
    // A connection that was cut off is gone by then.
    await turn();
    await turn();
    expect(server.open()).toBe(1);
    vi.advanceTimersByTime(1);
    await Promise.all([closed, ended]);
  });

  test('takes no new connections', async () => {
    const { handler, release, arrived } = held();
    const server = await serve(handler);
    const { socket } = await dial(server.url);
    socket.write(GET);
    await vi.waitFor(() => expect(arrived()).toBe(1));
    const closed = server.close(5000);
    await expect(dial(server.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    release();
    await closed;
  });

  test('ends idle connections only after the linger, and serves what comes until then', async () => {
    const server = await serve((_req, res) => void res.end('done'));
    const { socket, received, ended } = await dial(server.url);
    const closed = server.close(5000, 300);
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.write(GET);
    await Promise.all([closed, ended]);
    expect(received()).toMatch(/Connection: close\r\n[^]*done$/);
  });

  test('answers what comes last only when no one can connect any more, so that no client comes back into the queue', async () => {
    let served = 0;
    const server = await serve((_req, res) => {
      served += 1;
      res.end('done');
    });
    const waiting = await dial(server.url);
    const closed = server.close(LONG_MS, 200);
    waiting.socket.write(GET);
    await waiting.ended;
    expect(waiting.received()).toMatch(/Connection: close\r\n[^]*done$/);
    // As a caller in a loop does.
    await expect(dial(server.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await closed;
    expect(served).toBe(1);
  });

  test('waits longer for a first request than for another one', async () => {
    const server = await serve((_req, res) => void res.end('done'));
    const used = await dial(server.url);
    used.socket.write(GET);
    await vi.waitFor(() => expect(used.received()).toContain('done'));
    const fresh = await dial(server.url);
    const closed = server.close(LONG_MS, 300);
    await used.ended;
    fresh.socket.write(GET);
    await Promise.all([fresh.ended, closed]);
    expect(fresh.received()).toMatch(/Connection: close\r\n[^]*done$/);
  });

  test('can be called twice', async () => {
    const server = await serve((_req, res) => void res.end());
    await Promise.all([server.close(100), server.close(100)]);
    await expect(server.close(100)).resolves.toBeUndefined();
  });
});

describe('a connection that sends many requests before the first is answered', () => {
  test('has 32 served at a time, in their order, and is read no further meanwhile', EXHAUSTIVE, async () => {
    const all: { readonly url: string; readonly answer: () => void }[] = [];
    const server = await serve((req, res) => void all.push({ url: req.url, answer: () => res.end(req.url) }));
    const { socket, received, ended } = await dial(server.url);
    const count = 6000;
    const body = '{"email":"jane.doe@example.com"}';
    for (let nth = 0; nth < count; nth += 1) {
      socket.write(`PUT /${nth} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    }
    await vi.waitFor(() => expect(all).toHaveLength(32));
    let mostServed = 0;
    let mostParsed = 0;
    for (let answered = 0; answered < count; answered += 1) {
      while (all.length <= answered) await turn();
      // Those of a few reads, however many the kernel has ready.
      mostParsed = Math.max(mostParsed, server.serving());
      mostServed = Math.max(mostServed, all.length - answered);
      all[answered]?.answer();
    }
    expect(mostServed).toBe(32);
    expect(mostParsed).toBeLessThan(4000);
    expect(all.map(({ url }) => url)).toEqual(all.map((_, nth) => `/${nth}`));
    socket.end();
    await ended;
    expect(received().match(/HTTP\/1.1 200 OK/g)).toHaveLength(count);
  });

  test('and leaves is noticed with the next answer', async () => {
    const { handler, release, arrived } = held();
    const server = await serve(handler);
    const { socket } = await dial(server.url);
    socket.write(GET.repeat(100));
    await vi.waitFor(() => expect(arrived()).toBe(32));
    socket.destroy();
    release();
    await server.quiet(10_000);
    expect([server.serving(), server.open()]).toEqual([0, 0]);
    expect(arrived()).toBeLessThan(100);
  });

  test('and whose body is read while it waits is not read further', async () => {
    const bodies: string[] = [];
    const { handler, arrived } = held();
    const server = await serve((req, res, next) => {
      req.on('data', (chunk) => void bodies.push(String(chunk)));
      handler(req, res, next);
    });
    const { socket } = await dial(server.url);
    socket.write('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody'.repeat(20_000));
    await vi.waitFor(() => expect(arrived()).toBe(32));
    const parsed = server.serving();
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    expect([server.serving(), bodies.length]).toEqual([parsed, 32]);
    expect(parsed).toBeLessThan(4000);
  });

  test('has all of them answered when the server closes', async () => {
    const { handler, release, arrived } = held();
    const server = await serve(handler);
    const { socket, received, ended } = await dial(server.url);
    socket.write(GET.repeat(40));
    await vi.waitFor(() => expect(arrived()).toBe(32));
    const closed = server.close(LONG_MS);
    release();
    await vi.waitFor(() => expect(arrived()).toBe(40));
    release();
    await Promise.all([ended, closed]);
    expect(received().match(/done/g)).toHaveLength(40);
    expect(received().match(/Connection: close/g)).toHaveLength(1);
  });
});

describe('announceClose', () => {
  test('lets new requests be served, and every answer end its connection', async () => {
    const server = await serve((_req, res) => void res.end('done'));
    const old = await dial(server.url);
    server.announceClose();
    const fresh = await dial(server.url);
    for (const { socket, received, ended } of [old, fresh]) {
      socket.write(GET);
      await ended;
      expect(received()).toMatch(/Connection: close\r\n[^]*done$/);
    }
  });

  test('answers pipelined requests that came before it, and announces the end with the last', async () => {
    const { handler, release, arrived } = held();
    const server = await serve(handler);
    const { socket, received, ended } = await dial(server.url);
    socket.write(GET + GET);
    await vi.waitFor(() => expect(arrived()).toBe(2));
    server.announceClose();
    release();
    await ended;
    expect(received().match(/done/g)).toHaveLength(2);
    expect(received().match(/Connection: close/g)).toHaveLength(1);
  });
});

describe('quiet', () => {
  test('waits for the requests that are being served, and not longer than it is told', async () => {
    const { handler, release, arrived } = held();
    const server = await serve(handler);
    await server.quiet(10_000);
    const { socket, received } = await dial(server.url);
    socket.write(GET);
    await vi.waitFor(() => expect(arrived()).toBe(1));
    await server.quiet(50);
    expect(received()).toBe('');
    const quiet = server.quiet(10_000);
    release();
    await quiet;
  });

  test('does not wait for requests that come later, as those of callers in a loop do', async () => {
    const { handler, release, arrived } = held();
    const server = await serve(handler);
    const first = await dial(server.url);
    first.socket.write(GET);
    await vi.waitFor(() => expect(arrived()).toBe(1));
    const quiet = server.quiet(LONG_MS);
    const later = await dial(server.url);
    later.socket.write(GET);
    await vi.waitFor(() => expect(arrived()).toBe(2));
    first.socket.destroy();
    await quiet;
    release();
  });
});
