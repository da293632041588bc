import {
  RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterRes,
  RLWrapperTimeouts,
  type RateLimiterAbstract,
} from 'rate-limiter-flexible';

/**
 * A number of requests in a window of time that begins with the first of them. One algorithm for every limit and every
 * store, and the one the `RateLimit` header can describe exactly.
 */
export type Policy = { readonly name: string; readonly requests: number; readonly windowSeconds: number };

/** Where a caller stands in a policy after a request. */
export type Standing = {
  readonly allowed: boolean;
  readonly policy: Policy;
  readonly remaining: number;
  readonly resetSeconds: number;
};

/** A Redis that takes longer counts as one that cannot be reached. */
const REDIS_TIMEOUT_MS = 500;

export type Limiter = {
  /** Counts a request of `who`. Never fails: without its store it counts in memory. */
  take(policy: Policy, who: string): Promise<Standing>;
};

/** Counts in this process; each replica for itself. */
export function createMemoryLimiter(): Limiter {
  return limiterOf((policy) => new RateLimiterMemory(optionsOf(policy)));
}

/**
 * Counts in Redis, for all replicas together. While Redis cannot be reached each replica counts for itself, since
 * leads are worth more than exact limits.
 *
 * @param client one of the package @redis/client, which whoever made it closes
 */
export function createRedisLimiter(client: object): Limiter {
  return limiterOf(
    (policy) =>
      new RLWrapperTimeouts({
        limiter: new RateLimiterRedis({
          ...optionsOf(policy),
          storeClient: client,
          useRedisPackage: true,
          rejectIfRedisNotReady: true,
        }),
        timeoutMs: REDIS_TIMEOUT_MS,
        insuranceLimiter: new RateLimiterMemory(optionsOf(policy)),
      }),
  );
}

function optionsOf({ name, requests, windowSeconds }: Policy) {
  return {
    keyPrefix: `lead-gateway:${name}:${requests}:${windowSeconds}`,
    points: requests,
    duration: windowSeconds,
  };
}

function limiterOf(create: (policy: Policy) => RateLimiterAbstract): Limiter {
  const limiters = new Map<string, RateLimiterAbstract>();
  const limiterFor = (policy: Policy) => {
    const { keyPrefix } = optionsOf(policy);
    const limiter = limiters.get(keyPrefix) ?? create(policy);
    limiters.set(keyPrefix, limiter);
    return limiter;
  };
  return {
    async take(policy, who) {
      try {
        return toStanding(policy, await limiterFor(policy).consume(who), true);
      } catch (refusal) {
        // The library rejects with its result when the limit is reached, and with an error when it fails.
        if (refusal instanceof RateLimiterRes) return toStanding(policy, refusal, false);
        throw refusal;
      }
    },
  };
}

function toStanding(policy: Policy, result: RateLimiterRes, allowed: boolean): Standing {
  const resetSeconds = Math.max(1, Math.ceil(result.msBeforeNext / 1000));
  return { allowed, policy, remaining: result.remainingPoints, resetSeconds };
}

/** `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10, 3 and 4). */
export function rateLimitHeaders(standings: readonly Standing[]): Readonly<Record<string, string>> {
  const policies = standings.map(
    ({ policy }) => `"${policy.name}";q=${policy.requests};w=${policy.windowSeconds}`,
  );
  const limits = standings.map(
    ({ policy, remaining, resetSeconds }) => `"${policy.name}";r=${remaining};t=${resetSeconds}`,
  );
  return { 'RateLimit-Policy': policies.join(', '), RateLimit: limits.join(', ') };
}
