import type { Logger } from '../observability/logger.ts';

/** A connection to Redis that comes back by itself. */
export type Redis = {
  /** Sends a command; rejects at once while there is no connection, and when one breaks; with RedisRefusal when it says no. */
  send(command: readonly string[]): Promise<unknown>;
  isReady(): boolean;
  /** Gives a connection up that nothing comes back on, and makes another. */
  renew(): void;
  /** For libraries that bring commands of their own. */
  readonly client: object;
  close(): void;
};

/** Redis' answer that it will not do a command; it has done nothing. `code` is its first word, such as `NOSCRIPT`. */
export class RedisRefusal extends Error {
  override readonly name = 'RedisRefusal';
  readonly code: string;

  constructor(cause: Error) {
    super('Redis refuses a command', { cause });
    this.code = /^[A-Z]+/.exec(cause.message)?.[0] ?? 'ERR';
  }
}

const CONNECT_TIMEOUT_MS = 2000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 500;

/**
 * Connects to `url`, now or whenever Redis is there; resolves without waiting for it.
 *
 * @param random 0 up to but not 1; replicas that lost one Redis do not come back together
 * @throws {Error} when the optional package @redis/client is not installed
 */
export async function connectRedis(
  url: string,
  logger: Pick<Logger, 'info' | 'warn'>,
  random: () => number,
): Promise<Redis> {
  // An optional package: who runs one replica need not install it.
  const { createClient, ErrorReply } = await import('@redis/client').catch((cause: unknown) => {
    throw new Error('REDIS_URL needs the package @redis/client, which is not installed', { cause });
  });
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectStrategy: (retries) =>
        Math.min(FIRST_PAUSE_MS * 2 ** Math.min(retries, 10), LONGEST_PAUSE_MS) * (0.5 + random() / 2),
    },
  });
  let isDown = false;
  client.on('error', (error: unknown) => {
    if (!isDown) logger.warn({ err: error }, 'Redis cannot be reached');
    isDown = true;
  });
  client.on('ready', () => {
    if (isDown) logger.info({}, 'Redis is back');
    isDown = false;
  });
  // Reconnects by itself; the first try is no different from later ones.
  const connect = () => void client.connect().catch(() => {});
  connect();
  return {
    client,
    async send(command) {
      try {
        return await client.sendCommand([...command]);
      } catch (error) {
        throw error instanceof ErrorReply ? new RedisRefusal(error) : error;
      }
    },
    isReady: () => client.isReady,
    renew() {
      // One that is being made is on its way to the same end.
      if (!client.isReady) return;
      client.destroy();
      connect();
    },
    close: () => client.destroy(),
  };
}
