import { type CryptoKey, errors } from 'jose';
import { createKeySet, type FindKey, type KeySetDeps } from './key-set.ts';
import type { TokenHeader } from './token-header.ts';

/** Older keys are fetched again beside the next token, and before it when they are twice as old. */
const REFRESH_AFTER_MS = 300_000;
const FRESH_MS = 2 * REFRESH_AFTER_MS;
/** How long keys stay in force while they cannot be fetched: a night. */
const MAX_AGE_MS = 12 * 3_600_000;
/** Between two fetches for key ids that are not known. */
const COOLDOWN_MS = 10_000;
/** A key id that was not among the keys causes no fetch for this long. */
const ABSENT_MS = 30_000;
const MAX_ABSENT = 256;

export type FoundKey =
  | { readonly key: CryptoKey }
  /**
   * `unknown`: the issuer has no such key; `unusable`: what it has cannot verify a signature; `unavailable`: the keys
   * cannot be fetched before `retryInMs` have passed. `isCounted`: as a guess.
   */
  | { readonly none: 'unknown' | 'unusable'; readonly isCounted: boolean }
  | { readonly none: 'unavailable'; readonly isCounted: boolean; readonly retryInMs: number };

/** The keys that the issuer of tokens publishes (RFC 7517). */
export type IssuerKeys = {
  /**
   * The key for a token.
   *
   * @param countGuess called before something is fetched for a key id that is not known, and while nothing can be
   *   fetched; rejects if the caller has guessed too often
   */
  find(header: TokenHeader, countGuess: () => Promise<void>): Promise<FoundKey>;
  /** What the operator should know, one sentence each. */
  warnings(): readonly string[];
  close(): void;
};

/**
 * Keeps the issuer's keys: fetched on first use and every few minutes while tokens come, one fetch at a time. If they
 * cannot be fetched, known keys stay in force for hours; a key that the issuer has removed goes with the next fetch.
 * A key id that is not known causes a fetch, but never more than one in ten seconds.
 */
export function createIssuerKeys(url: URL, deps: KeySetDeps): IssuerKeys {
  const { monotonicMs } = deps.clock;
  const keySet = createKeySet(url, deps);
  const absent = createAbsentKeys(monotonicMs);

  /** The keys in force, fetched again when it is time. */
  const current = async (): Promise<FindKey | undefined> => {
    const age = keySet.ageMs();
    if (age >= REFRESH_AFTER_MS && !keySet.isFailing()) {
      const refreshed = keySet.refresh();
      if (age >= FRESH_MS) await refreshed;
    }
    return keySet.ageMs() < MAX_AGE_MS ? keySet.find() : undefined;
  };
  const isKnownAbsent = (header: TokenHeader) =>
    !keySet.isFailing() && (keySet.ageMs() < COOLDOWN_MS || absent.has(header));

  /** The key that is not among those at hand. */
  const ask = async (header: TokenHeader, countGuess: () => Promise<void>): Promise<FoundKey> => {
    let isCounted = false;
    if (keySet.pending() === undefined) {
      if (isKnownAbsent(header)) return { none: 'unknown', isCounted };
      await countGuess();
      isCounted = true;
      if (!isKnownAbsent(header) && keySet.retryInMs() === 0) void keySet.refresh();
    }
    await keySet.pending();
    const key = await keyIn(await current(), header);
    if (typeof key !== 'string') return { key };
    if (keySet.isFailing() && key === 'unknown') {
      return { none: 'unavailable', isCounted, retryInMs: keySet.retryInMs() };
    }
    absent.add(header);
    return { none: key, isCounted };
  };

  return {
    async find(header, countGuess) {
      const key = await keyIn(await current(), header);
      if (typeof key !== 'string') return { key };
      return key === 'unknown' ? ask(header, countGuess) : { none: key, isCounted: false };
    },
    warnings() {
      if (!keySet.isFailing()) return [];
      return [keySet.ageMs() < MAX_AGE_MS ? WITH_KEYS : WITHOUT_KEYS];
    },
    close: keySet.close,
  };
}

const WITH_KEYS =
  'JWT_JWKS_URL cannot be fetched (the log says why); the keys before it stay in force for 12 hours, and those the issuer adds or removes are not seen';
const WITHOUT_KEYS = 'JWT_JWKS_URL cannot be fetched (the log says why); tokens are refused';

async function keyIn(
  find: FindKey | undefined,
  { alg, kid }: TokenHeader,
): Promise<CryptoKey | 'unknown' | 'unusable'> {
  if (find === undefined) return 'unknown';
  try {
    return await find({ alg, ...(kid !== undefined && { kid }) });
  } catch (error) {
    return error instanceof errors.JWKSNoMatchingKey ? 'unknown' : 'unusable';
  }
}

/** Keys that a fetch has not brought, for a while. */
function createAbsentKeys(monotonicMs: () => number) {
  const untilMs = new Map<string, number>();
  return {
    has: (header: TokenHeader) => monotonicMs() < (untilMs.get(nameOf(header)) ?? 0),
    add(header: TokenHeader) {
      const [oldest] = untilMs.keys();
      if (untilMs.size >= MAX_ABSENT && oldest !== undefined) untilMs.delete(oldest);
      untilMs.set(nameOf(header), monotonicMs() + ABSENT_MS);
    },
  };
}

function nameOf({ alg, kid }: TokenHeader): string {
  return `${alg} ${kid ?? ''}`;
}
