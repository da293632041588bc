import type { Config } from '../config/config.ts';
import type { TokenVerifier } from '../access/jwt.ts';
import { createMemoryLimiter, createRedisLimiter } from '../access/rate-limiter.ts';
import { readRegular } from '../access/regular-file.ts';
import { type KeySource, watchKeyFile } from '../access/watch-key-file.ts';
import { type Access, createAccess } from '../http/authenticate.ts';
import type { ReadSecret } from '../http/webhook-signatures.ts';
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Redis } from '../replicas/redis.ts';
import type { Clock } from '../runtime/clock.ts';
import { decodeText } from '../text/text-file.ts';
import { keySetFetchOf } from './proxied-connections.ts';
import type { CloseStack } from './shutdown.ts';

type Context = Clock & {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** At least 0, less than 1. */
  readonly random: () => number;
  readonly onClose: CloseStack['onClose'];
  /** A variable of the environment. */
  readonly env?: ((name: string) => string | undefined) | undefined;
};

type AccessControl = {
  readonly control: Access;
  /** Null without a keys file. */
  readonly keys: Pick<KeySource, 'keyring'> | null;
  readonly warnings: () => readonly string[];
};

/** Authentication and rate limits. Rejects if the key file cannot be used. */
export async function createAccessControl(context: Context, redis: Redis | null): Promise<AccessControl> {
  const { config, logger, metrics, onClose } = context;
  const { keysFile, corsOrigins, authFailuresPerMinute, publishablePerMinute } = config.access;
  const keys = keysFile === undefined ? null : watchKeyFile(keysFile, logger);
  if (keys !== null) onClose(keys.close);
  const tokens = await createTokens(context);
  metrics.watch({
    keyFileUnusable: () => (keys?.warnings() ?? []).length > 0,
    tokenKeysFailing: () => (tokens?.warnings() ?? []).length > 0,
  });
  const control = createAccess({
    keys,
    verifyToken: tokens?.verify ?? null,
    corsOrigins,
    publicUrl: config.publicUrl,
    authFailuresPerMinute,
    publishablePerMinute,
    limiter: redis === null ? createMemoryLimiter(context) : createRedisLimiter(redis, context),
    now: context.now,
    readSecret: createSecretReader(context.env),
  });
  return { control, keys, warnings: () => [...(keys?.warnings() ?? []), ...(tokens?.warnings() ?? [])] };
}

/** Reads the secrets of webhooks from files and variables. */
function createSecretReader(env: (name: string) => string | undefined = () => undefined): ReadSecret {
  return async ({ secretFile, secretEnv = '' }) => {
    if (secretFile !== undefined) return decodeText(await readRegular(secretFile));
    const text = env(secretEnv);
    if (text === undefined) throw new Error(`the variable ${secretEnv} is not set`);
    return text;
  };
}

/** What verifies tokens; null if there are none. */
async function createTokens(context: Context): Promise<TokenVerifier | null> {
  const { config, logger, random, onClose } = context;
  const { token } = config.access;
  if (token === null) return null;
  const proxied = await keySetFetchOf(config);
  // Not awaited: a request for the identity provider's keys may hang.
  if (proxied !== null) onClose(() => void proxied.close());
  const { createTokenVerifier } = await import('../access/jwt.ts');
  const tokens = createTokenVerifier(token, { clock: context, random, logger, fetch: proxied?.fetch });
  onClose(tokens.close);
  return tokens;
}
