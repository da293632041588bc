import type { IncomingMessage } from 'node:http';

const streamed = new WeakSet<IncomingMessage>();

/** From now on the request may take as long as it likes, while bytes of it come. */
export function markStreamed(request: IncomingMessage): void {
  streamed.add(request);
}

export function isStreamed(request: IncomingMessage): boolean {
  return streamed.has(request);
}

/** Below any prefix of the gateway's paths. */
const BATCH_PATH = /\/leads\/batch(?:\?|$)/;

/**
 * Whether the client may close its half of the connection and gets its answer: a batch is answered while it is worked on, so
 * that a client that has gone is noticed when something is written.
 */
export function mayHalfClose({ method, url = '' }: IncomingMessage): boolean {
  return method === 'PUT' && BATCH_PATH.test(url);
}

/** Batches that are being read; they end early when the gateway stops. */
export type LeadStreams = {
  /** @returns to be called when it is over */
  add(end: () => void): () => void;
  /** No batch takes in any more leads; those taken in are answered. */
  endAll(): void;
};

export function createLeadStreams(): LeadStreams {
  const open = new Set<() => void>();
  let isEnding = false;
  return {
    add(end) {
      if (isEnding) end();
      else open.add(end);
      return () => open.delete(end);
    },
    endAll() {
      isEnding = true;
      for (const end of open) end();
      open.clear();
    },
  };
}
