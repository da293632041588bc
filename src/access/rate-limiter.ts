import { createRequire } from 'node:module';
import type * as Library from 'rate-limiter-flexible';
import type { RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';

const require = createRequire(import.meta.url);

/** One class: the package's index loads those for every database (docs/performance.md#start). */
function load<Name extends keyof typeof Library>(name: Name): (typeof Library)[Name] {
  return require(`rate-limiter-flexible/lib/${name}.js`) as (typeof Library)[Name];
}

const MemoryLimiter = load('RateLimiterMemory');
const LimiterResult = load('RateLimiterRes');

/**
 * A number of requests per fixed window that starts with the first request. Every limit and every store uses this one
 * algorithm; the `RateLimit` header can describe it exactly.
 */
export type Policy = { readonly name: string; readonly requests: number; readonly windowSeconds: number };

/** A caller's position in a policy after a request. */
export type Standing = {
  readonly allowed: boolean;
  readonly policy: Policy;
  readonly remaining: number;
  readonly resetSeconds: number;
};

/** If Redis takes longer, it counts as unreachable. */
const REDIS_TIMEOUT_MS = 500;

export type Limiter = {
  /** Counts a request of `who`. Never fails: without its store it counts in memory. */
  take(policy: Policy, who: string): Promise<Standing>;
};

/** Counts in this process only. */
export function createMemoryLimiter(): Limiter {
  return limiterOf((policy) => new MemoryLimiter(optionsOf(policy)));
}

/**
 * Counts in Redis, for all replicas together. While Redis is unreachable each replica counts alone, since leads matter
 * more than exact limits.
 *
 * @param client a connected client of @redis/client; the caller closes it
 */
export function createRedisLimiter(client: object): Limiter {
  const TimeoutLimiter = load('RLWrapperTimeouts');
  const RedisLimiter = load('RateLimiterRedis');
  return limiterOf(
    (policy) =>
      new TimeoutLimiter({
        limiter: new RedisLimiter({
          ...optionsOf(policy),
          storeClient: client,
          useRedisPackage: true,
          rejectIfRedisNotReady: true,
        }),
        timeoutMs: REDIS_TIMEOUT_MS,
        insuranceLimiter: new MemoryLimiter(optionsOf(policy)),
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
        if (refusal instanceof LimiterResult) return toStanding(policy, refusal, false);
        throw refusal;
      }
    },
  };
}

function toStanding(policy: Policy, result: RateLimiterRes, allowed: boolean): Standing {
  const resetSeconds = Math.max(1, Math.ceil(result.msBeforeNext / 1000));
  return { allowed, policy, remaining: result.remainingPoints, resetSeconds };
}

/** `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4). */
export function rateLimitHeaders(standings: readonly Standing[]): Readonly<Record<string, string>> {
  const policies = standings.map(
    ({ policy }) => `"${policy.name}";q=${policy.requests};w=${policy.windowSeconds}`,
  );
  const limits = standings.map(
    ({ policy, remaining, resetSeconds }) => `"${policy.name}";r=${remaining};t=${resetSeconds}`,
  );
  return { 'RateLimit-Policy': policies.join(', '), RateLimit: limits.join(', ') };
}
