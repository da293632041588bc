import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import { localUrl } from '../text/local-url.ts';
import { answerClientErrors, type HeadersFor, refuseAmbiguousRequests } from './ambiguous-requests.ts';
import { type Connections, watchConnections } from './connections.ts';
import { createRequestGate } from './stop-listening.ts';

// Not imported: an import of node:http reads all its exports, and one of them loads fetch (docs/performance.md#start).
const http = process.getBuiltinModule('node:http');

/** What one client may take of the server; times in ms. */
export type ServerLimits = {
  /** For the head of a request, from the start of the connection or the request's first byte; then 408. */
  readonly headersTimeoutMs: number;
  /** For a whole request; then 408. */
  readonly requestTimeoutMs: number;
  /** Between two requests on a connection. */
  readonly keepAliveMs: number;
  /** Without a byte in either direction while a response is due; longer than any response takes. */
  readonly stalledMs: number;
  /** How often the first two are checked. */
  readonly checkMs: number;
  /** For the head of a request; then 431. */
  readonly maxHeaderBytes: number;
  /** Lines of the head; then 431. Node would silently drop the rest, and what is left may mean something else. */
  readonly maxHeaders: number;
  /** More are closed at once. */
  readonly maxConnections: number;
};

/** docs/operations.md#http-limits. The configuration sets keep-alive and stalled connections. */
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

/** Connections the kernel may queue; Node's default of 511 overflows when a thousand clients connect at once. */
const LISTEN_BACKLOG = 4096;

export type HttpServer = Pick<Connections, 'announceClose' | 'quiet' | 'serving' | 'open'> & {
  /** Its address on this machine, without a slash at the end. */
  readonly url: string;
  /**
   * Stops listening, closes idle connections `lingerMs` later (default 0) and those without a request yet after ten times
   * as long (requests that arrive until then are served), and gives requests in progress `graceMs`. With a linger no
   * connection is reset in the kernel's queue. Resolves when the last connection is closed.
   */
  close(graceMs: number, lingerMs?: number): Promise<void>;
};

/** Observes what never reaches the app. */
export type ServerObserver = {
  /** A connection beyond `maxConnections`. */
  connectionRefused(): void;
  /** A request that was ambiguous, too large or not HTTP, and the status it was answered with. */
  requestRefused(status: number, requestId: string): void;
};

const NO_OBSERVER: ServerObserver = { connectionRefused() {}, requestRefused() {} };

export type HttpServerOptions = {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly newRequestId: () => string;
  /** For answers the server gives without the app, so that a page can read their status; none when left out. */
  readonly headersFor?: HeadersFor | undefined;
  /** Whether a request may take longer than `requestTimeoutMs`; none when left out. */
  readonly isStream?: ((request: IncomingMessage) => boolean) | undefined;
  /** Whether a client that closes its half of the connection gets the answer; none when left out. */
  readonly mayHalfClose?: ((request: IncomingMessage) => boolean) | undefined;
  readonly limits?: Partial<ServerLimits>;
  readonly observer?: ServerObserver;
};

/** Listens; rejects with the error of `listen` as it is. */
export async function startHttpServer(app: Express, options: HttpServerOptions): Promise<HttpServer> {
  const {
    host,
    port,
    newRequestId,
    headersFor = () => [],
    isStream = () => false,
    mayHalfClose = () => false,
    observer = NO_OBSERVER,
  } = options;
  const limits = { ...LIMITS, ...options.limits };
  const refusal = { newRequestId, headersFor, onRefused: observer.requestRefused.bind(observer) };
  const gate = createRequestGate(refuseAmbiguousRequests(limits.maxHeaders, refusal, app as RequestListener));
  const server = http.createServer({
    ...expressClasses(app),
    headersTimeout: limits.headersTimeoutMs,
    // Connections watches it: Node's would end streams, too.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: limits.checkMs,
    maxHeaderSize: limits.maxHeaderBytes,
    // Node's own refusal has no request id.
    requireHostHeader: false,
  });
  server.timeout = limits.stalledMs;
  // One more than allowed, so that too many can be told from just enough.
  server.maxHeadersCount = limits.maxHeaders + 1;
  server.maxConnections = limits.maxConnections;
  // Connections ends the others: Node's own way out makes no difference between requests.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('drop', () => observer.connectionRefused());
  const { endWith, ...connections } = watchConnections(server, gate, { ...limits, isStream, mayHalfClose });
  answerClientErrors(server, { ...refusal, endWith });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, backlog: LISTEN_BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { address, port: taken } = server.address() as AddressInfo;
  return { url: localUrl(address, taken), ...connections };
}

/**
 * Server classes that carry express's prototypes from the start, so that express need not replace the prototype of every
 * request and response; see docs/performance.md#the-hot-path.
 */
function expressClasses(app: Express): {
  IncomingMessage: typeof IncomingMessage;
  ServerResponse: typeof ServerResponse;
} {
  class GatewayRequest extends http.IncomingMessage {}
  class GatewayResponse<Request extends IncomingMessage> extends http.ServerResponse<Request> {}
  Object.setPrototypeOf(GatewayRequest.prototype, app.request);
  Object.setPrototypeOf(GatewayResponse.prototype, app.response);
  app.request = GatewayRequest.prototype as typeof app.request;
  app.response = GatewayResponse.prototype as typeof app.response;
  return { IncomingMessage: GatewayRequest, ServerResponse: GatewayResponse };
}
