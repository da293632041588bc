import { Server as NetServer } from 'node:net';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';

/** Lets requests wait for a moment before they are served. */
export type RequestGate = {
  readonly listener: RequestListener;
  /** Requests that wait. */
  waiting(): number;
  hold(): void;
  /** Serves those that wait, in the order they came, and all that follow. */
  release(): void;
};

export function createRequestGate(listener: RequestListener): RequestGate {
  let waiting: [IncomingMessage, ServerResponse][] | undefined;
  return {
    listener(request, response) {
      if (waiting === undefined) listener(request, response);
      else waiting.push([request, response]);
    },
    waiting: () => waiting?.length ?? 0,
    hold() {
      waiting ??= [];
    },
    release() {
      const released = waiting ?? [];
      waiting = undefined;
      for (const [request, response] of released) listener(request, response);
    },
  };
}

/** Without a new connection for this long, the clients that were answered last have connected again or will not. */
const SETTLED_MS = 50;
/** Requests are held no longer than this where new connections do not cease. */
const MAX_HELD_MS = 500;
/** Turns of the event loop spent on accepting connections before listening stops; more than can be pending. */
const MAX_TURNS = 10_000;

/**
 * Stops listening at a moment when no connection is waiting in the kernel's queue, which the end of listening would reset
 * (docs/operations.md#shutdown). Clients that were just answered connect again, so no request is answered until
 * listening has ended; those that are being served are finished first.
 *
 * @param serving how many requests are being served, including those that wait at the gate
 * @returns resolves when listening has ended and the gate is open; the result resolves when the last connection is closed
 */
export async function stopListening(
  server: Server,
  gate: RequestGate,
  serving: () => number,
): Promise<{ readonly lastGone: Promise<void> }> {
  gate.hold();
  await settled(server, () => serving() > gate.waiting());
  await queueEmpty(server);
  const lastGone = endListening(server);
  gate.release();
  return { lastGone };
}

/** The result resolves when the last connection is closed. */
export function endListening(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // Not the HTTP server's own close: it destroys idle connections, on which a request may be on its way.
    NetServer.prototype.close.call(server, () => resolve());
  });
}

/** Resolves when neither a connection nor an answer has come for a moment. */
async function settled(server: Server, isServing: () => boolean): Promise<void> {
  const startedMs = performance.now();
  let lastMs = startedMs;
  const note = () => (lastMs = performance.now());
  server.on('connection', note);
  for (let nowMs = startedMs; nowMs - startedMs < MAX_HELD_MS; nowMs = performance.now()) {
    if (isServing()) note();
    const leftMs = lastMs + SETTLED_MS - nowMs;
    if (leftMs <= 0) break;
    await new Promise((resolve) => {
      setTimeout(resolve, Math.min(leftMs, STEP_MS));
    });
  }
  server.off('connection', note);
}

const STEP_MS = 10;

/** Resolves right after a turn of the event loop that brought no connection. Node accepts one a turn. */
async function queueEmpty(server: Server): Promise<void> {
  let accepted = 0;
  const count = () => (accepted += 1);
  server.on('connection', count);
  await nextTurn();
  for (let turns = 0; turns < MAX_TURNS; turns += 1) {
    accepted = 0;
    await nextTurn();
    if (accepted === 0) break;
  }
  server.off('connection', count);
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
