import type { Logger } from '../observability/logger.ts';

/** A connection to Redis that reconnects by itself. */
export type Redis = {
  /** Rejects at once without a connection, and when it breaks; with RedisRefusal if Redis rejects the command. */
  send(command: readonly string[]): Promise<unknown>;
  isReady(): boolean;
  /** Replaces a connection that has stopped replying. */
  renew(): void;
  close(): void;
};

/** An error reply: the command had no effect. `code` is its first word, such as `NOSCRIPT`. */
export class RedisRefusal extends Error {
  override readonly name = 'RedisRefusal';
  readonly code: string;

  constructor(cause: Error) {
    super('Redis refuses a command', { cause });
    this.code = /^[A-Z]+/.exec(cause.message)?.[0] ?? 'ERR';
  }
}

const CONNECT_TIMEOUT_MS = 2000;
const MIN_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 500;

/**
 * Connects to `url`, and keeps trying; resolves without waiting for the connection.
 *
 * @param random at least 0, less than 1: jitter, so that replicas do not all reconnect at the same time
 * @throws {Error} if the optional package @redis/client is not installed
 */
export async function connectRedis(
  url: string,
  logger: Pick<Logger, 'info' | 'warn'>,
  random: () => number,
): Promise<Redis> {
  // Optional: a single replica runs without it.
  const { createClient, ErrorReply } = await import('@redis/client').catch((cause: unknown) => {
    throw new Error('REDIS_URL needs the package @redis/client, which is not installed', { cause });
  });
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectStrategy: (retries) =>
        Math.min(MIN_BACKOFF_MS * 2 ** Math.min(retries, 10), MAX_BACKOFF_MS) * (0.5 + random() / 2),
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
  // The client retries by itself, also after a failed first attempt.
  const connect = () => void client.connect().catch(() => {});
  connect();
  return {
    async send(command) {
      try {
        return await client.sendCommand([...command]);
      } catch (error) {
        throw error instanceof ErrorReply ? new RedisRefusal(error) : error;
      }
    },
    isReady: () => client.isReady,
    renew() {
      // A reconnect is already in progress.
      if (!client.isReady) return;
      client.destroy();
      connect();
    },
    close: () => client.destroy(),
  };
}
