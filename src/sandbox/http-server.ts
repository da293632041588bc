import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** Serves one request; a rejection becomes an empty answer with status 500. */
export type RequestHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  target: RequestTarget,
) => Promise<void>;

/** A request's target. `path` begins with a slash; `query` may be empty and has no question mark. */
export type RequestTarget = { readonly path: string; readonly query: string };

/** Longer than the idle timeout of the usual client pools, so that the client closes first. */
const KEEP_ALIVE_MS = 75_000;
/** Room for addresses that are too long for REST, so that its face refuses them as Marketo does. */
const MAX_HEADER_BYTES = 256 * 1024;
/** How long answers in flight may take when the server closes. */
const CLOSE_GRACE_MS = 500;

/** As in runtime/clock.ts. An argument wherever the sandbox waits, so that tests can hold the time. */
export type Timers = {
  readonly setTimer: (fn: () => void, ms: number) => NodeJS.Timeout | number;
  readonly clearTimer: (timer: NodeJS.Timeout | number | undefined) => void;
};

export type ListeningServer = {
  readonly port: number;
  /** Closes idle connections at once, the others after a short grace period. */
  close(): Promise<void>;
};

/** Serves requests; their answers have a `Date` header by `now`. Rejects with Node's error, for example EADDRINUSE. */
export async function listen(
  handle: RequestHandler,
  options: {
    readonly port: number;
    readonly host: string;
    readonly now: () => number;
    readonly timers: Timers;
  },
): Promise<ListeningServer> {
  const httpDate = createHttpDate(options.now);
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: MAX_HEADER_BYTES },
    (request, response) => {
      response.sendDate = false;
      response.setHeader('Date', httpDate());
      handle(request, response, targetOf(request.url ?? '/')).catch(() => {
        // A defect, or a missing file of the installation: this request fails, the server goes on.
        if (response.headersSent) response.destroy();
        else response.writeHead(500, { 'Content-Length': 0 }).end();
      });
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return { port: portOf(server), close: () => closeServer(server, options.timers) };
}

function closeServer(server: Server, { setTimer, clearTimer }: Timers): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimer(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    server.close(() => {
      clearTimer(force);
      resolve();
    });
    server.closeIdleConnections();
  });
}

/** RFC 9112, 3.2: a path, or a whole URI from a client that takes the server for a proxy. */
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

/** The text of the Date header, formatted once a second. */
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
