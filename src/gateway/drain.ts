import type { Dispatcher } from '../dispatch/dispatcher.ts';
import type { HttpServer } from '../http-server/server.ts';

export type DrainOptions = {
  readonly server: Pick<HttpServer, 'announceClose' | 'quiet' | 'close'>;
  readonly dispatcher: Pick<Dispatcher, 'refuseNew' | 'refuseAll'>;
  /** A clock that does not jump, in ms. */
  readonly monotonicMs: () => number;
  /** How long new requests are still served, so that a balancer can see that no more should come; at most half of `graceMs`. */
  readonly delayMs: number;
  /** How long all of it may take. */
  readonly graceMs: number;
};

/** Kept at the end of the grace period for the refusals of what could not be finished in it; in ms. */
const LAST_WORDS_MS = 500;
/** How long a connection that was just made may take to bring its request; in ms. */
const LINGER_MS = 100;

/**
 * Ends the serving so that everybody who was taken in gets an answer: new leads are served while it settles and refused
 * after that; leads that wait are sent and calls on the wire finished while the grace period lasts; who is left then is
 * told to send again. Resolves when the last connection is gone.
 */
export async function drain(options: DrainOptions): Promise<void> {
  const { server, dispatcher, monotonicMs, graceMs } = options;
  const delayMs = Math.min(options.delayMs, graceMs / 2);
  const endsAt = monotonicMs() + graceMs;
  const leftMs = () => Math.max(0, endsAt - monotonicMs());
  server.announceClose();
  if (delayMs > 0) await pause(delayMs);
  dispatcher.refuseNew();
  await server.quiet(leftMs() - Math.min(LAST_WORDS_MS, graceMs / 4));
  dispatcher.refuseAll();
  await server.close(leftMs(), Math.min(LINGER_MS, delayMs));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
