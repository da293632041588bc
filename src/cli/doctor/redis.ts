import type { ReplicaSettings } from '../../config/config.ts';
import { connectRedis, type Redis } from '../../replicas/redis.ts';
import type { Finding } from './finding.ts';

/** How long a connection may take, in ms. */
const PATIENCE_MS = 3000;

/** Finds out whether replicas could agree on their calls there. Nothing of the URL is told: it may hold a password. */
export async function checkRedis({ redisUrl }: ReplicaSettings): Promise<Finding> {
  let reason = 'no answer came';
  const warn = ({ err }: { readonly err?: unknown }) => {
    reason = reasonOf(err);
  };
  const redis = await connectRedis(redisUrl.reveal(), { info() {}, warn }, () => 0);
  try {
    for (let waitedMs = 0; !redis.isReady(); waitedMs += 50) {
      if (waitedMs >= PATIENCE_MS) {
        return fault(
          `it cannot be used (${reason}), so every replica would keep to its share; check REDIS_URL`,
        );
      }
      await pause(50);
    }
    return await examineServer(redis);
  } finally {
    redis.close();
  }
}

async function examineServer(redis: Redis): Promise<Finding> {
  try {
    await redis.send(['EVAL', 'return redis.call("TIME")', '0']);
  } catch (error) {
    return fault(
      `it refuses scripts (${reasonOf(error)}), which replicas need; check the rights of its user`,
    );
  }
  const policy = await evictionPolicy(redis);
  return policy === undefined || policy === 'noeviction'
    ? { state: 'ok', subject: 'Redis', message: 'it answers and runs scripts' }
    : {
        state: 'note',
        subject: 'Redis',
        message: `it evicts keys when it is full (${policy}), and would forget calls; its maxmemory-policy should be noeviction`,
      };
}

/** Undefined where nothing is evicted, or where the server does not say. */
async function evictionPolicy(redis: Redis): Promise<string | undefined> {
  const info = await redis.send(['INFO', 'memory']).catch(() => '');
  const isUnlimited = /^maxmemory:0\r?$/m.test(String(info));
  return isUnlimited ? undefined : /^maxmemory_policy:(\S+)/m.exec(String(info))?.[1];
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'no answer';
  if ('code' in error && typeof error.code === 'string') return error.code;
  // What the server says to the first words on a connection begins with a code in capitals, such as WRONGPASS.
  return /^[A-Z]{3,}/.exec(error.message)?.[0] ?? 'no answer';
}

function fault(message: string): Finding {
  return { state: 'fault', subject: 'Redis', message };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
