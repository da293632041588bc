import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** Serves one request to a path, which begins with a slash; a rejection becomes an empty answer of 500. */
export type RequestHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  target: RequestTarget,
) => Promise<void>;

/** A request's target taken apart; `query` is without the question mark and may be empty. */
export type RequestTarget = { readonly path: string; readonly query: string };

/** Longer than the idle time of the usual client pools, so that it is the client who closes. */
const KEEP_ALIVE_MS = 75_000;
/** How long answers under way may take when the server closes. */
const CLOSE_GRACE_MS = 500;

export type ListeningServer = {
  readonly port: number;
  /** Ends idle connections at once, answers under way after a short grace. */
  close(): Promise<void>;
};

/**
 * Listens with `handle`; answers carry a `Date` by `now`.
 * Rejects with the error of `listen`, for example EADDRINUSE.
 */
export async function listen(
  handle: RequestHandler,
  options: { readonly port: number; readonly host: string; readonly now: () => number },
): Promise<ListeningServer> {
  const httpDate = createHttpDate(options.now);
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    response.sendDate = false;
    response.setHeader('Date', httpDate());
    handle(request, response, targetOf(request.url ?? '/')).catch(() => {
      // A defect, or a file of the installation that is missing: this request fails, the server stays.
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { 'Content-Length': 0 }).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return { port: portOf(server), close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    server.close(() => {
      clearTimeout(force);
      resolve();
    });
    server.closeIdleConnections();
  });
}

/** RFC 9112, 3.2: a path, or a whole URI from a client that thinks us a proxy. */
function targetOf(text: string): RequestTarget {
  const origin = /^https?:\/\/[^/?]*/i.exec(text)?.[0] ?? '';
  const mark = text.indexOf('?', origin.length);
  const path = text.slice(origin.length, mark === -1 ? undefined : mark);
  return { path: path === '' ? '/' : path, query: mark === -1 ? '' : text.slice(mark + 1) };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

/** The Date header's text by a clock, made once a second. */
function createHttpDate(now: () => number): () => string {
  let second = Number.NaN;
  let text = '';
  return () => {
    const current = Math.floor(now() / 1000);
    if (current !== second) {
      second = current;
      text = new Date(current * 1000).toUTCString();
    }
    return text;
  };
}
