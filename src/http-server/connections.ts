import type { Socket } from 'node:net';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { endListening, type RequestGate, stopListening } from './stop-listening.ts';

/** How long the client may take to close its half of a connection once ours is closed. */
const HALF_CLOSE_MS = 500;

/** A connection without a request yet lingers longer than an idle one: its client may be busy. */
const FRESH_FACTOR = 10;

/** Requests of one connection that are served at a time (docs/operations.md#pipelined-requests). */
const MAX_SERVED = 32;

type Connection = {
  readonly socket: Socket;
  /** Requests whose responses are not complete. */
  pending: number;
  /** The response to the latest request. */
  latest: ServerResponse | undefined;
  /** Responses to requests that arrived before the one ahead of them was answered; created when first needed. */
  pipelined: Set<ServerResponse> | undefined;
  /** Those of them that are not served yet; created when first needed. Meanwhile nothing is read. */
  queued: Queue | undefined;
  /** No request has arrived yet. */
  isFresh: boolean;
  /** The latest request as the last check found it, if it was not complete, and for how many checks it has been so. */
  unread: ServerResponse | undefined;
  checks: number;
  /** What follows the latest request cannot be parsed: the connection ends with its response. */
  isBroken: boolean;
};

/** Requests that came before those ahead of them were answered, from `first` on. */
type Queue = { readonly requests: [IncomingMessage, ServerResponse][]; first: number };

export type Connections = {
  /** Requests being served. */
  serving(): number;
  /** Open connections. */
  open(): number;
  /** From now on every response has `Connection: close`; new connections are still accepted. */
  announceClose(): void;
  /** Resolves when the requests that are being served now are over, after `maxMs` at the latest. */
  quiet(maxMs: number): Promise<void>;
  /** See `HttpServer`. */
  close(graceMs: number, lingerMs?: number): Promise<void>;
  /**
   * Ends a connection that cannot be parsed any further. `write` makes the answer to the broken request, which is passed
   * if its head was readable. Without an answer if responses to earlier requests are still due.
   */
  endWith(socket: Duplex, write: (request?: IncomingMessage) => string): void;
};

type State = {
  readonly server: Server;
  readonly gate: RequestGate;
  readonly connections: Map<Duplex, Connection>;
  readonly onQuiet: Set<() => void>;
  serving: number;
  /** How often `quiet` was called, and how many of the requests before the last call are not over. */
  round: number;
  earlier: number;
  /** Responses announce the end of their connection. */
  isClosing: boolean;
  /** Connections without a request are closed. */
  isEnding: boolean;
};

/**
 * Tracks a server's connections so that closing them loses no response: the end is announced with `Connection: close`
 * (RFC 9112, 9.6), requests in progress are finished, and our half of a connection is closed first, because closing a
 * socket with unread bytes resets it and can lose the last response.
 *
 * @param gate serves the requests
 */
export function watchConnections(server: Server, gate: RequestGate, rules: RequestRules): Connections {
  const state: State = {
    server,
    gate,
    connections: new Map(),
    onQuiet: new Set(),
    serving: 0,
    round: 0,
    earlier: 0,
    isClosing: false,
    isEnding: false,
  };
  const checking = setInterval(() => endSlowRequests(state, rules), rules.checkMs).unref();
  server.once('close', () => clearInterval(checking));
  server.on('connection', (socket: Socket) => addConnection(state, socket, rules));
  server.on('request', (request, response) => addRequest(state, request, response));
  let closed: Promise<void> | undefined;
  return {
    serving: () => state.serving,
    open: () => state.connections.size,
    announceClose: () => announceClose(state),
    quiet: (maxMs) => quiet(state, maxMs),
    async close(graceMs, lingerMs = 0) {
      announceClose(state);
      closed ??= endAll(state, lingerMs);
      const grace = setTimeout(() => {
        for (const { socket } of state.connections.values()) socket.destroy();
      }, graceMs);
      await closed;
      clearTimeout(grace);
    },
    endWith: (socket, write) => endWith(state, socket, write),
  };
}

export type RequestRules = {
  /** For a whole request. */
  readonly requestTimeoutMs: number;
  readonly checkMs: number;
  /** Whether a request may take longer. */
  readonly isStream: (request: IncomingMessage) => boolean;
  /** Whether a client that closes its half of the connection gets the answer. To the others it has gone. */
  readonly mayHalfClose: (request: IncomingMessage) => boolean;
};

/** Ends requests that take too long, as Node would; but Node's limit holds for streams, too. */
function endSlowRequests({ server, connections }: State, slow: RequestRules): void {
  for (const connection of connections.values()) {
    const { latest, socket } = connection;
    const isUnread = latest !== undefined && !latest.req.complete && !slow.isStream(latest.req);
    connection.checks = isUnread && connection.unread === latest ? connection.checks + 1 : 0;
    connection.unread = isUnread ? latest : undefined;
    if (connection.checks * slow.checkMs < slow.requestTimeoutMs || !isUnread) continue;
    connection.checks = 0;
    server.emit('clientError', new SlowRequest(), socket);
  }
}

/** What Node's own check reports. */
class SlowRequest extends Error {
  readonly code = 'ERR_HTTP_REQUEST_TIMEOUT';
}

function addConnection({ connections }: State, socket: Socket, { mayHalfClose }: RequestRules): void {
  const connection: Connection = {
    socket,
    pending: 0,
    latest: undefined,
    pipelined: undefined,
    queued: undefined,
    isFresh: true,
    unread: undefined,
    checks: 0,
    isBroken: false,
  };
  connections.set(socket, connection);
  socket.once('end', () => {
    const { latest } = connection;
    if (latest !== undefined && !mayHalfClose(latest.req)) socket.end();
  });
  socket.once('close', () => {
    connections.delete(socket);
    for (const response of connection.pipelined ?? []) closeQueued(response);
  });
}

/** Node emits `close` only on the response at the head of the pipeline (docs/operations.md#pipelined-requests). */
function closeQueued(response: ServerResponse): void {
  if (response.socket !== null) return;
  response.destroy();
  response.emit('close');
}

function addRequest(state: State, request: IncomingMessage, response: ServerResponse): void {
  const connection = state.connections.get(request.socket);
  if (state.isClosing) {
    // A pipelined request after the response that announced the end, which has not been sent yet: this one announces it.
    if (connection?.latest?.headersSent === false) connection.latest.removeHeader('Connection');
    response.setHeader('Connection', 'close');
  }
  const { round } = state;
  state.serving += 1;
  if (connection !== undefined) {
    if (connection.pending > 0) (connection.pipelined ??= new Set()).add(response);
    connection.isFresh = false;
    connection.pending += 1;
    connection.latest = response;
  }
  // Before it is served, since that may answer at once.
  response.once('close', () => {
    state.serving -= 1;
    connection?.pipelined?.delete(response);
    if (connection !== undefined) removeRequest(state, connection);
    if (round === state.round) return;
    state.earlier -= 1;
    if (state.earlier === 0) for (const resolve of state.onQuiet) resolve();
  });
  if (connection !== undefined && connection.pending > MAX_SERVED) queue(connection, request, response);
  else state.gate.listener(request, response);
}

/** Lets a request wait, and reads no further: of what is still to come, the kernel and the client keep most. */
function queue(connection: Connection, request: IncomingMessage, response: ServerResponse): void {
  const { socket } = connection;
  if (connection.queued === undefined) {
    const queued: Queue = { requests: [], first: 0 };
    connection.queued = queued;
    // Reading the body of a request resumes its connection.
    socket.on('resume', () => {
      if (queued.first < queued.requests.length) socket.pause();
    });
  }
  connection.queued.requests.push([request, response]);
  socket.pause();
}

/** Serves the next request of a connection that waits, and reads on when none does. */
function serveQueued({ gate }: State, { socket, queued }: Connection): void {
  const next = queued?.requests[queued.first];
  if (queued === undefined || next === undefined || socket.destroyed) return;
  queued.first += 1;
  if (queued.first === queued.requests.length) {
    queued.requests.length = 0;
    queued.first = 0;
    socket.resume();
  }
  gate.listener(...next);
}

function removeRequest(state: State, connection: Connection): void {
  connection.pending -= 1;
  if (connection.pending > 0) {
    if (connection.queued !== undefined) serveQueued(state, connection);
    return;
  }
  connection.latest = undefined;
  // During shutdown the head of this response may have been sent before its end could be announced.
  if (connection.isBroken || state.isEnding) end(connection.socket);
}

function announceClose(state: State): void {
  state.isClosing = true;
  for (const { latest } of state.connections.values()) {
    if (latest?.headersSent === false) latest.setHeader('Connection', 'close');
  }
}

function quiet(state: State, maxMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      state.onQuiet.delete(done);
      resolve();
    };
    const timer = setTimeout(done, maxMs);
    state.onQuiet.add(done);
    state.round += 1;
    state.earlier = state.serving;
    if (state.earlier === 0) done();
  });
}

async function endAll(state: State, lingerMs: number): Promise<void> {
  const { server, gate, connections } = state;
  const { lastGone } =
    lingerMs > 0
      ? await stopListening(server, gate, () => state.serving)
      : { lastGone: endListening(server) };
  const endIdle = (isFresh: boolean) => {
    state.isEnding = true;
    for (const connection of connections.values()) {
      if (connection.pending === 0 && connection.isFresh === isFresh) end(connection.socket);
    }
  };
  const timers = [setTimeout(endIdle, lingerMs, false), setTimeout(endIdle, lingerMs * FRESH_FACTOR, true)];
  await lastGone;
  for (const timer of timers) clearTimeout(timer);
}

function endWith(state: State, socket: Duplex, write: (request?: IncomingMessage) => string): void {
  const connection = state.connections.get(socket);
  const { pending = 0, latest } = connection ?? {};
  if (connection === undefined || pending === 0) {
    end(socket, write());
  } else if (latest?.req.complete === true) {
    // An answer behind that response, or in the middle of it, would pass for another one.
    connection.isBroken = true;
  } else if (pending === 1 && latest?.headersSent === false) {
    // The request being served is the broken one.
    end(socket, write(latest.req));
  } else {
    socket.destroy();
  }
}

/** Closes our half of a connection, and all of it once the client has had time to close the other. */
function end(socket: Duplex, lastBytes?: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  if (lastBytes === undefined) socket.end();
  else socket.end(lastBytes);
  // Read and discard the rest: closing a socket with unread bytes resets it.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), HALF_CLOSE_MS);
  socket.once('close', () => clearTimeout(timer));
}
