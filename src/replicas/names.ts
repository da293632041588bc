import { createHash, createHmac } from 'node:crypto';

/** The names in Redis that belong to one subscription. */
export type Names = {
  /** Those every script works on, in the order the scripts expect. */
  readonly fixed: readonly string[];
  /** What a lane is locked by. Lane keys hold addresses of persons: only their keyed hash leaves the process. */
  lane(laneKey: string): string;
  /** The calls of the day that ends then, in ms since 1970. */
  day(endsAt: number): string;
};

const HOUR_MS = 3_600_000;

/**
 * All names share a hash tag, so that a cluster keeps them in one slot, where one script may use them all
 * (Redis Cluster specification, "Hash tags"). Replicas of one subscription make the same names, others never do.
 *
 * @param secret keys the hash of lanes (HMAC-SHA256, cut to 128 bits)
 */
export function createNames(endpoint: string, userId: string, secret: string): Names {
  const subscription = createHash('sha256').update(`${endpoint}\n${userId}`).digest('hex').slice(0, 12);
  const prefix = `lead-gateway:{${subscription}}:`;
  return {
    fixed: ['running', 'ended', 'beats', 'about', 'counts', 'pause'].map((name) => prefix + name),
    lane: (laneKey) =>
      `${prefix}lane:${createHmac('sha256', secret).update(laneKey).digest().toString('base64url', 0, 16)}`,
    // Clocks of replicas differ by a little, midnights by an hour at least.
    day: (endsAt) => `${prefix}day:${Math.round(endsAt / HOUR_MS)}`,
  };
}
