import { createServer, IncomingMessage, type RequestListener, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import type { CorsFields } from '../http/cors.ts';
import { refuseAmbiguousRequests } from './ambiguous-requests.ts';
import { answerClientErrors } from './client-errors.ts';
import { type Connections, watchConnections } from './connections.ts';
import { localUrl } from '../text/local-url.ts';

/** What one client may take of the server; times in ms. */
export type ServerLimits = {
  /** For the head of a request to arrive, from the connection's beginning or the request's first byte; then 408. */
  readonly headersTimeoutMs: number;
  /** For a whole request to arrive; then 408. */
  readonly requestTimeoutMs: number;
  /** For the next request on a connection. */
  readonly keepAliveMs: number;
  /** Without a byte in either direction while an answer is due; longer than any answer takes. */
  readonly stalledMs: number;
  /** How often the first two are looked at. */
  readonly checkMs: number;
  /** The head of a request; then 431. */
  readonly maxHeaderBytes: number;
  /** Then 431: Node alone would leave out what is beyond them, and what is left may mean something else. */
  readonly maxHeaders: number;
  /** Further ones are closed at once. */
  readonly maxConnections: number;
};

/** The configuration decides about keep-alive and stalled connections. */
const LIMITS: ServerLimits = {
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 30_000,
  keepAliveMs: 65_000,
  stalledMs: 120_000,
  checkMs: 1000,
  maxHeaderBytes: 16_384,
  maxHeaders: 100,
  maxConnections: 16_384,
};

/** Connections that may wait to be taken in; Node's 511 overflow when a thousand callers come at once. */
const BACKLOG = 4096;

export type HttpServer = Pick<Connections, 'announceClose' | 'quiet' | 'serving' | 'open'> & {
  /** Where it can be reached from this machine, without a slash at the end. */
  readonly url: string;
  /**
   * Takes no more connections after at most `lingerMs` (0 when left out), ends those without a request as much later
   * (requests that come until then are served) and gives requests that are being served `graceMs` to end. Resolves when the last
   * connection is gone.
   */
  close(graceMs: number, lingerMs?: number): Promise<void>;
};

/** Sees what never becomes a request. */
export type ServerObserver = {
  /** A connection beyond `maxConnections`. */
  connectionRefused(): void;
  /** A request that could not be read, or is too large, and how it was answered. */
  brokenRequest(status: number, requestId: string): void;
};

const NOBODY: ServerObserver = { connectionRefused() {}, brokenRequest() {} };

export type HttpServerOptions = {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly newRequestId: () => string;
  /** Of answers that are given before the app is asked; none when left out. */
  readonly corsFields?: CorsFields | undefined;
  readonly limits?: Partial<ServerLimits>;
  readonly observer?: ServerObserver;
};

/** Listens; rejects with the error of `listen` as it is. */
export async function startHttpServer(app: Express, options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, newRequestId, corsFields = () => [], observer = NOBODY } = options;
  const limits = { ...LIMITS, ...options.limits };
  const onBroken = (status: number, id: string) => observer.brokenRequest(status, id);
  const server = createServer(
    {
      ...expressClasses(app),
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: limits.checkMs,
      maxHeaderSize: limits.maxHeaderBytes,
      // Node's own refusal has no request id.
      requireHostHeader: false,
    },
    refuseAmbiguousRequests(
      { maxHeaders: limits.maxHeaders, newRequestId, corsFields, onBroken },
      app as RequestListener,
    ),
  );
  server.timeout = limits.stalledMs;
  // One more than allowed, so that too many can be told from enough.
  server.maxHeadersCount = limits.maxHeaders + 1;
  server.maxConnections = limits.maxConnections;
  server.on('drop', () => observer.connectionRefused());
  const { endWith, ...connections } = watchConnections(server);
  answerClientErrors(server, { newRequestId, corsFields, onBroken, endWith });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { address, port: taken } = server.address() as AddressInfo;
  return { url: localUrl(address, taken), ...connections };
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
