import { createServer, IncomingMessage, ServerResponse, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Express } from 'express';
import { answerBrokenRequests } from './broken-request.ts';

/** Longer than the 60 s after which usual load balancers drop an idle connection, so that it is not us who closes first. */
const KEEP_ALIVE_MS = 65_000;
/** For the whole request to arrive; a slower one is answered 408. */
const REQUEST_TIMEOUT_MS = 60_000;

/** Connections that may wait to be taken in; Node's 511 overflow when a thousand callers come at once. */
const BACKLOG = 4096;

export type HttpServer = {
  /** Where it can be reached from this machine, without a slash at the end. */
  readonly url: string;
  /**
   * Takes no more connections, closes idle ones at once and gives requests that are being served `graceMs` to end.
   * Resolves when the last connection is gone.
   */
  close(graceMs: number): Promise<void>;
};

/** Listens; rejects with the error of `listen` as it is. Port 0 takes any free port. */
export async function startHttpServer(
  app: Express,
  { host, port, newRequestId }: { host: string; port: number; newRequestId: () => string },
): Promise<HttpServer> {
  const server = createServer(
    {
      ...expressClasses(app),
      keepAliveTimeout: KEEP_ALIVE_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
    },
    app,
  );
  answerBrokenRequests(server, newRequestId);
  const close = drainable(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return { url: urlOf(server.address() as AddressInfo), close };
}

/**
 * Classes for the server to make requests and responses of, which have express's prototypes from the start. Express
 * sets the prototype of every request and response; on Node 20 that more than doubles the cost of a request (120 µs
 * against 55 µs measured), unless it is set already. They have to be real classes: objects made by `Reflect.construct`
 * were slower still.
 */
function expressClasses(app: Express): {
  IncomingMessage: typeof IncomingMessage;
  ServerResponse: typeof ServerResponse;
} {
  class GatewayRequest extends IncomingMessage {}
  class GatewayResponse<Request extends IncomingMessage> extends ServerResponse<Request> {}
  Object.setPrototypeOf(GatewayRequest.prototype, app.request);
  Object.setPrototypeOf(GatewayResponse.prototype, app.response);
  app.request = GatewayRequest.prototype as typeof app.request;
  app.response = GatewayResponse.prototype as typeof app.response;
  return { IncomingMessage: GatewayRequest, ServerResponse: GatewayResponse };
}

/** Keeps track of connections and requests, and returns the function that ends them. */
function drainable(server: Server): HttpServer['close'] {
  const sockets = new Set<Socket>();
  const responses = new Set<ServerResponse>();
  let closed: Promise<void> | undefined;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // In front of the app's own listener, which may answer at once.
  server.prependListener('request', (_req, res) => {
    responses.add(res);
    res.once('close', () => {
      responses.delete(res);
      // The head of this answer was out before `Connection: close` could be put into it.
      if (closed) setImmediate(() => server.closeIdleConnections());
    });
    if (closed) res.setHeader('Connection', 'close');
  });
  return async (graceMs) => {
    closed ??= new Promise((resolve) => {
      server.close(() => resolve());
    });
    for (const response of responses) {
      if (!response.headersSent) response.setHeader('Connection', 'close');
    }
    server.closeIdleConnections();
    // Connections that were opened ahead of need do not count as idle for Node.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    await closed;
    clearTimeout(timer);
  };
}

/** An address that listens everywhere is reached through loopback; IPv6 goes in brackets (RFC 3986, 3.2.2). */
function urlOf({ address, port }: AddressInfo): string {
  const reachable = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
