import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import type { Logger } from '../observability/logger.ts';
import type { Clock, Timer } from '../runtime/clock.ts';

const FETCH_TIMEOUT_MS = 5000;
const MAX_BYTES = 1_048_576;
/** After a failed fetch the next one waits for 1 s, 2 s, 4 s … up to a minute. */
const MIN_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 60_000;

/** Fetches an address; a `fetch` that goes through a proxy, for example. */
export type Fetch = (
  url: string,
  init: {
    readonly headers: Record<string, string>;
    readonly redirect: 'manual';
    readonly signal: AbortSignal;
  },
) => Promise<Response>;

export type KeySetDeps = {
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer' | 'clearTimer'>;
  /** At least 0, less than 1: jitter, so that replicas do not ask at the same time. */
  readonly random: () => number;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  readonly fetch?: Fetch | undefined;
};

export type FindKey = ReturnType<typeof createLocalJWKSet>;

/** The last key set that could be fetched (RFC 7517), and how fetching goes. */
export type KeySet = {
  /** Undefined before the first fetch that succeeds. */
  find(): FindKey | undefined;
  /** Fetches the keys, or waits for the fetch that is running. Never rejects. */
  refresh(): Promise<void>;
  pending(): Promise<void> | undefined;
  /** True from a failed fetch to the next one that succeeds. */
  isFailing(): boolean;
  /** Until another fetch may begin; 0 if it may now. */
  retryInMs(): number;
  /** Time since the keys were fetched, in ms; Infinity if they never were. */
  ageMs(): number;
  close(): void;
};

/** Fetches the keys at `url` when told to, one fetch at a time, and after a failure by itself until it succeeds. */
export function createKeySet(url: URL, { clock, random, logger, fetch = globalFetch }: KeySetDeps): KeySet {
  const { monotonicMs } = clock;
  let find: FindKey | undefined;
  let fetchedMs = -Infinity;
  let pending: Promise<void> | undefined;
  let failures = 0;
  let heldOffUntilMs = 0;
  let retry: Timer | undefined;
  let isClosed = false;

  const holdOff = () => {
    const backoffMs = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** Math.min(failures, 10));
    const delayMs = Math.ceil(backoffMs * (0.5 + random() / 2));
    failures += 1;
    heldOffUntilMs = monotonicMs() + delayMs;
    clock.clearTimer(retry);
    // Not with the next token: a key that the issuer has removed must go as soon as that can be known.
    if (!isClosed) retry = clock.setTimer(() => void refresh(), delayMs);
  };
  const load = async () => {
    try {
      find = createLocalJWKSet(await fetchKeySet(url, fetch, clock));
      fetchedMs = monotonicMs();
      if (failures > 0) logger.info({}, 'the keys at JWT_JWKS_URL can be fetched again');
      failures = 0;
    } catch (error) {
      if (failures === 0) logger.warn({ err: error }, 'the keys at JWT_JWKS_URL cannot be fetched');
      holdOff();
    } finally {
      pending = undefined;
    }
  };
  const refresh = () => (pending ??= load());
  return {
    find: () => find,
    refresh,
    pending: () => pending,
    isFailing: () => failures > 0,
    retryInMs: () => (failures === 0 ? 0 : Math.max(0, heldOffUntilMs - monotonicMs())),
    ageMs: () => monotonicMs() - fetchedMs,
    close() {
      isClosed = true;
      clock.clearTimer(retry);
    },
  };
}

const HEADERS = { accept: 'application/jwk-set+json, application/json' };

/** Looked up late: a start does not load `fetch`. */
const globalFetch: Fetch = (url, init) => fetch(url, init);

/** @throws {Error} without an answer in time, of status 200, of a moderate size and in JSON */
async function fetchKeySet(url: URL, fetchUrl: Fetch, clock: KeySetDeps['clock']): Promise<JSONWebKeySet> {
  const abort = new AbortController();
  const giveUp = () => abort.abort(new Error(`no answer within ${FETCH_TIMEOUT_MS} ms`));
  const timer = clock.setTimer(giveUp, FETCH_TIMEOUT_MS);
  try {
    const response = await fetchUrl(url.href, { headers: HEADERS, redirect: 'manual', signal: abort.signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`the answer has the status ${response.status}`);
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.byteLength;
      if (size > MAX_BYTES) throw new Error(`the answer has more than ${MAX_BYTES} bytes`);
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString()) as JSONWebKeySet;
  } finally {
    clock.clearTimer(timer);
  }
}
