import { type Clock, systemClock, withTimeout } from '../runtime/clock.ts';

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
  /** 1 to `windowSeconds`. */
  readonly resetSeconds: number;
};

export type Limiter = {
  /** Counts a request of `who`. Never fails: without its store it counts in memory. */
  take(policy: Policy, who: string): Promise<Standing>;
};

/**
 * Counted per policy; then the window that began first is forgotten. As many as a key file may have keys, so that only
 * counts by address ever reach it.
 */
const MAX_WINDOWS = 100_000;

type Window = { count: number; readonly endsMs: number };

/** Counts in this process only, by a clock that does not jump. */
export function createMemoryLimiter({ monotonicMs }: Pick<Clock, 'monotonicMs'> = systemClock): Limiter {
  const policies = new Map<string, Map<string, Window>>();
  return {
    async take(policy, who) {
      const nowMs = monotonicMs();
      const key = keyOf(policy);
      // All windows of a policy are equally long, so they end in the order in which they were inserted.
      const windows = policies.get(key) ?? new Map<string, Window>();
      policies.set(key, windows);
      for (const [name, { endsMs }] of windows) {
        if (endsMs > nowMs && windows.size <= MAX_WINDOWS) break;
        windows.delete(name);
      }
      const window = windows.get(who) ?? { count: 0, endsMs: nowMs + policy.windowSeconds * 1000 };
      if (window.count === 0) windows.set(who, window);
      window.count += 1;
      return standingOf(policy, window.count, window.endsMs - nowMs);
    },
  };
}

/** Redis answers later than this: it counts as unreachable. */
const REDIS_TIMEOUT_MS = 500;

/**
 * Counts a request and returns the count and the ms that are left. Redis keeps the end of a window as a time of day: if
 * that clock was set back, the window would last as much longer.
 */
const COUNT = `
local count = redis.call('INCR', KEYS[1])
local window = tonumber(ARGV[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 or left > window then
  redis.call('PEXPIRE', KEYS[1], window)
  left = window
end
return {count, left}`;

/** Sends a command to Redis; rejects without a connection. */
type RedisCommands = { send(command: readonly string[]): Promise<unknown> };

/**
 * Counts in Redis, for all replicas together and by its clock. While Redis is unreachable each replica counts alone, since
 * leads matter more than exact limits.
 */
export function createRedisLimiter(
  redis: RedisCommands,
  clock: Pick<Clock, 'monotonicMs' | 'setTimer' | 'clearTimer'> = systemClock,
): Limiter {
  const alone = createMemoryLimiter(clock);
  return {
    async take(policy, who) {
      const windowMs = String(policy.windowSeconds * 1000);
      const command = ['EVAL', COUNT, '1', `${keyOf(policy)}:${who}`, windowMs];
      try {
        const [count, leftMs] = (await withTimeout(redis.send(command), REDIS_TIMEOUT_MS, clock)) as number[];
        return standingOf(policy, Number(count), Number(leftMs));
      } catch {
        return alone.take(policy, who);
      }
    },
  };
}

function keyOf({ name, requests, windowSeconds }: Policy): string {
  return `lead-gateway:${name}:${requests}:${windowSeconds}`;
}

function standingOf(policy: Policy, count: number, leftMs: number): Standing {
  return {
    allowed: count <= policy.requests,
    policy,
    remaining: Math.max(0, policy.requests - count),
    resetSeconds: Math.min(policy.windowSeconds, Math.max(1, Math.ceil(leftMs / 1000))),
  };
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
