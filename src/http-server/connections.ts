import { Server as NetServer, type Socket } from 'node:net';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** How long the other side may take to close its half once ours is closed. */
const FAREWELL_MS = 500;

/** Turns of the event loop in which waiting connections are taken in before listening ends; more than can wait. */
const MAX_TURNS = 10_000;

type Connection = {
  readonly socket: Socket;
  /** Requests whose answers are not complete. */
  pending: number;
  /** The answer to the last request that came. */
  latest: ServerResponse | undefined;
  /** Answers to requests that came before the one in front of them was answered; there is none until that happens. */
  pipelined: Set<ServerResponse> | undefined;
  /** What came behind the last request cannot be read: the connection ends with the answer. */
  isBroken: boolean;
};

export type Connections = {
  /** Requests that are being served. */
  serving(): number;
  /** Connections that are open. */
  open(): number;
  /** Every answer from now on announces the end of its connection; connections are still taken. */
  announceClose(): void;
  /** Resolves when no request is being served, after `maxMs` in any case. */
  quiet(maxMs: number): Promise<void>;
  /** See `HttpServer`. */
  close(graceMs: number, lingerMs?: number): Promise<void>;
  /**
   * Ends a connection that cannot be read on: with `words`, for the request that could not be read to its end where its
   * head could, or silently after the answers that are still due.
   */
  endWith(socket: Duplex, words: (request?: IncomingMessage) => string): void;
};

/**
 * Keeps track of a server's connections, so that they end without anybody losing an answer: an end is announced by
 * `Connection: close` (RFC 9112, 9.6), a request that is being served is finished, and our half of a connection is
 * closed before the whole, since closing over unread bytes resets it and takes the last answer with it.
 */
export function watchConnections(server: Server): Connections {
  const connections = new Map<Duplex, Connection>();
  const onQuiet = new Set<() => void>();
  let serving = 0;
  let isClosing = false;
  let isEnding = false;
  let closed: Promise<void> | undefined;

  server.on('connection', (socket: Socket) => {
    const connection: Connection = {
      socket,
      pending: 0,
      latest: undefined,
      pipelined: undefined,
      isBroken: false,
    };
    connections.set(socket, connection);
    socket.once('close', () => {
      connections.delete(socket);
      for (const response of connection.pipelined ?? []) giveUp(response);
    });
  });

  // In front of the app's own listener, which may answer at once.
  server.prependListener('request', (request, response) => {
    const connection = connections.get(request.socket);
    if (isClosing) {
      // A pipelined request came after the end was announced with the answer before it, which is not out yet.
      if (connection?.latest?.headersSent === false) connection.latest.removeHeader('Connection');
      response.setHeader('Connection', 'close');
    }
    serving += 1;
    if (connection !== undefined) {
      if (connection.pending > 0) (connection.pipelined ??= new Set()).add(response);
      connection.pending += 1;
      connection.latest = response;
    }
    response.once('close', () => {
      serving -= 1;
      connection?.pipelined?.delete(response);
      if (connection !== undefined) answered(connection);
      if (serving === 0) for (const resolve of onQuiet) resolve();
    });
  });

  function answered(connection: Connection): void {
    connection.pending -= 1;
    if (connection.pending > 0) return;
    connection.latest = undefined;
    // While stopping, the head of this answer may have been out before its end could be announced.
    if (connection.isBroken || isEnding) end(connection.socket);
  }

  function announceClose(): void {
    isClosing = true;
    for (const { latest } of connections.values()) {
      if (latest?.headersSent === false) latest.setHeader('Connection', 'close');
    }
  }

  /**
   * A connection that was made and not yet taken in is reset when listening ends. One is taken in a turn of the event
   * loop, so that many may wait; and whoever has just been answered makes the next one. So the moment is right after
   * one was taken in and none came in the turn that followed.
   */
  async function momentToStop(maxMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, maxMs);
      server.once('connection', () => {
        clearTimeout(timer);
        resolve();
      });
    });
    let taken = 0;
    const count = () => (taken += 1);
    server.on('connection', count);
    await turn();
    for (let turns = 0; turns < MAX_TURNS; turns += 1) {
      taken = 0;
      await turn();
      if (taken === 0) break;
    }
    server.off('connection', count);
  }

  async function endAll(lingerMs: number): Promise<void> {
    if (lingerMs > 0) await momentToStop(lingerMs);
    const lastGone = new Promise<void>((resolve) => {
      // Not the close of an HTTP server: that would destroy idle connections, on which a request may be under way.
      NetServer.prototype.close.call(server, () => resolve());
    });
    const linger = setTimeout(endIdle, lingerMs);
    await lastGone;
    clearTimeout(linger);
  }

  function endIdle(): void {
    isEnding = true;
    for (const { pending, socket } of connections.values()) if (pending === 0) end(socket);
  }

  return {
    serving: () => serving,
    open: () => connections.size,
    announceClose,
    quiet: (maxMs) =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          onQuiet.delete(done);
          resolve();
        };
        const timer = setTimeout(done, maxMs);
        onQuiet.add(done);
        if (serving === 0) done();
      }),
    async close(graceMs, lingerMs = 0) {
      announceClose();
      closed ??= endAll(lingerMs);
      const grace = setTimeout(() => {
        for (const { socket } of connections.values()) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(grace);
    },
    endWith(socket, words) {
      const connection = connections.get(socket);
      const { pending = 0, latest } = connection ?? {};
      if (connection === undefined || pending === 0) {
        end(socket, words());
      } else if (latest?.req.complete === true) {
        // Words of ours behind that answer, or in the middle of it, would be taken for another one.
        connection.isBroken = true;
      } else if (pending === 1 && latest?.headersSent === false) {
        // It is the request that is being served which cannot be read to its end.
        end(socket, words(latest.req));
      } else {
        socket.destroy();
      }
    },
  };
}

/**
 * Node tells the closing of a connection only to the answer whose turn it is; those behind it would wait for ever, and so
 * would whoever does: a lead nobody wants any more, its line in the log, the end of the service.
 */
function giveUp(response: ServerResponse): void {
  if (response.socket !== null) return;
  response.destroy();
  response.emit('close');
}

/** Closes our half, and the whole when the other side has had time to do the same. */
function end(socket: Duplex, words?: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  if (words === undefined) socket.end();
  else socket.end(words);
  // What still comes is read and thrown away: closing over unread bytes resets the connection.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
  socket.once('close', () => clearTimeout(timer));
}

/** Resolves in the turn of the event loop that comes next, after what is there to be read has been read. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
