import { createServer } from 'node:net';

/** Systems give ports to who asks for any from 32,768 on (Linux) or 49,152 (RFC 6335, 6); each worker looks in its own hundred below. */
const LOWEST = 20_000;
const WORKERS = 100;
const EACH = 100;

let next = Math.floor(Math.random() * EACH);

/**
 * A port that no other test is given: for a server that goes away, where nothing must answer meanwhile, or that comes back.
 */
export async function portApart(): Promise<number> {
  const worker = Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS;
  for (;;) {
    next = (next + 1) % EACH;
    const port = LOWEST + worker * EACH + next;
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
