import type { Config } from '../config/config.ts';
import type { QuotaLimits } from '../dispatch/quota.ts';
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Coordinator } from '../replicas/coordinator.ts';
import type { Redis } from '../replicas/redis.ts';
import type { Clock } from '../runtime/clock.ts';
import type { CloseStack } from './shutdown.ts';

type Context = Clock & {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** At least 0, less than 1. */
  readonly random: () => number;
  readonly newRequestId: () => string;
  readonly onClose: CloseStack['onClose'];
};

/** Replicas of one subscription have the same endpoint and user. */
type Subscription = {
  readonly endpoint: URL;
  readonly credentials:
    | { readonly userId: string; readonly encryptionKey: string }
    | { readonly clientId: string; readonly clientSecret: string };
};

/** Null without REDIS_URL: this gateway is the only one of its subscription. */
export async function connectToRedis({ config, logger, random, onClose }: Context): Promise<Redis | null> {
  if (config.replicas === null) return null;
  const { connectRedis } = await import('../replicas/redis.ts');
  const redis = await connectRedis(config.replicas.redisUrl.reveal(), logger, random);
  onClose(redis.close);
  return redis;
}

/** Coordinates this replica's calls with those of its peers. */
export async function createCoordination(
  { config, logger, metrics, random, newRequestId, onClose, ...clock }: Context,
  redis: Redis,
  { mayCreateForMs, ...limits }: QuotaLimits & { readonly mayCreateForMs: number },
  { endpoint, credentials }: Subscription,
  callsBefore: number,
): Promise<Coordinator> {
  const [{ createCoordinator, maxUnseenOf }, { createRedisKeys, createSharedState }] = await Promise.all([
    import('../replicas/coordinator.ts'),
    import('../replicas/shared-state.ts'),
  ]);
  const replica = newRequestId();
  const share = config.replicas?.share ?? 1;
  const [user, secret] =
    'userId' in credentials
      ? [credentials.userId, credentials.encryptionKey]
      : [credentials.clientId, credentials.clientSecret];
  const redisKeys = createRedisKeys(endpoint.href, user, secret);
  const coordinator = createCoordinator({
    sharedState: createSharedState(redis.send, {
      redisKeys,
      replica,
      share,
      limits: { ...limits, maxUnseen: maxUnseenOf(limits.callsPerWindow) },
    }),
    redis,
    replica,
    lockOf: redisKeys.lock,
    share,
    limits,
    callsBefore,
    callTimeoutMs: config.upstreamTimeoutMs,
    mayCreateForMs,
    clock,
    random,
    observer: {
      onAcquire: metrics.permit,
      onDegraded(reason, error) {
        const cause = error === undefined ? {} : { err: error };
        logger.warn({ reason, share, ...cause }, 'without Redis: calls keep to the share');
      },
      onCoordinated: ({ connected }) =>
        logger.info({ replicas: connected }, 'replicas agree on calls in Redis'),
    },
  });
  onClose(coordinator.leave);
  metrics.watch({ sharedStoreUp: coordinator.isCoordinated, replicas: coordinator.replicas });
  return coordinator;
}
