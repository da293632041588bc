import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { createRequire } from 'node:module';
import type { Dispatcher, Pool } from 'undici';
import type { CancelSignal } from '../runtime/cancellation.ts';
import type { Proxy } from './proxy.ts';
import { noConnection, ProxyFailure, tunnelConnector } from './tunnel.ts';

type Decoder = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const unzip: Decoder = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.unzip);
const inflateRaw: Decoder = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflateRaw);
const brotli: Decoder = promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress);

/** RFC 9110, 8.4.1. Some servers send `deflate` without the zlib wrapper that the RFC requires. */
const DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', unzip],
  ['x-gzip', unzip],
  ['deflate', (body, options) => (hasZlibHeader(body) ? unzip : inflateRaw)(body, options)],
  ['br', brotli],
]);

export type ContentFailure = { readonly reason: 'too-large' | 'bad-encoding'; readonly cause: unknown };

/** More than one is rare, but a header could list thousands, each of which costs up to `maxBytes` of work. */
const MAX_CODINGS = 4;

/** Decodes a body by its Content-Encoding, the last coding first. It may have at most `maxBytes` after each of them. */
export async function decodeContent(
  body: Buffer,
  contentEncoding: string,
  maxBytes: number,
): Promise<Buffer | ContentFailure> {
  const codings = contentEncoding
    .split(',')
    .map((token) => token.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length > MAX_CODINGS) {
    return { reason: 'bad-encoding', cause: new Error(`there are ${codings.length} content codings`) };
  }
  let decoded = body;
  for (const coding of codings.toReversed()) {
    if (decoded.length === 0) break;
    const decoder = DECODERS.get(coding);
    if (decoder === undefined) {
      return { reason: 'bad-encoding', cause: new Error(`the content coding ${coding} is unknown`) };
    }
    try {
      decoded = await decoder(decoded, { maxOutputLength: maxBytes });
    } catch (cause) {
      const isTooLarge = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
      return { reason: isTooLarge ? 'too-large' : 'bad-encoding', cause };
    }
  }
  return decoded;
}

/** RFC 1950, 2.2: method 8, and the first two bytes are a multiple of 31. */
function hasZlibHeader(body: Buffer): boolean {
  const [first = 0, second = 0] = body;
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
}

// The package's index also loads fetch, caches and WebSocket, half of a start without them (docs/performance.md#start).
const UndiciPool = createRequire(import.meta.url)('undici/lib/dispatcher/pool.js') as typeof Pool;

/** Longer targets are cut, since they are shown to people. */
const MAX_LENGTH = 200;

/**
 * The target of a Location header (RFC 9110, 10.2.2), for people to read: without user, query, fragment, path parameters
 * and long runs of hexadecimal digits, any of which may be a secret. Undefined unless it is a web address.
 */
export function redirectTarget(location: string | undefined, endpoint: URL): string | undefined {
  if (location === undefined || location.trim() === '' || !URL.canParse(location, endpoint.href))
    return undefined;
  const { protocol, origin, pathname } = new URL(location, endpoint);
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  const where = origin + pathname.replaceAll(/;[^/]*/g, '').replaceAll(/[\da-f]{32,}/gi, '…');
  return where.length <= MAX_LENGTH ? where : `${where.slice(0, MAX_LENGTH)}…`;
}

export type PostRequest = {
  readonly headers: Readonly<Record<string, string>>;
  /** Empty: none. */
  readonly body: string;
  /** POST, unless it says otherwise. */
  readonly method?: 'GET';
  /** Path and query, where they are not those of the endpoint; never an address of another server. */
  readonly path?: string;
  /** Covers connecting, sending, headers and body. */
  readonly timeoutMs: number;
  /** Cancels the request as long as it is not on the wire. After that only the timeout ends it. */
  readonly signal?: CancelSignal;
};

export type PostResponse = {
  readonly kind: 'response';
  readonly status: number;
  readonly contentType: string | undefined;
  readonly date: string | undefined;
  readonly retryAfter: string | undefined;
  /** The target of a redirect, for people; undefined if the response has none. */
  readonly redirectsTo: string | undefined;
  /** The whole body, decompressed. */
  readonly body: Buffer;
};

/**
 * Why there is no response: `connect`: nothing was sent; `cancelled`: the signal came before anything was sent; `reset`:
 * the connection ended too early, but the server may have worked on the request; `timeout`: the request was sent, but no
 * response came in time; `too-large`, `bad-encoding`, `not-http`: there was one that cannot be read.
 */
export type PostFailureReason =
  | 'connect'
  | 'cancelled'
  | 'reset'
  | 'timeout'
  | 'too-large'
  | 'bad-encoding'
  | 'not-http';

export type PostFailure = {
  readonly kind: 'failure';
  readonly reason: PostFailureReason;
  /** Why the proxy made no connection, for people; undefined if the failure is not the proxy's. */
  readonly proxyFailure?: string;
  /** For the log. */
  readonly cause: unknown;
};

type PostOutcome = PostResponse | PostFailure;

/** Sends one request; never rejects. */
export type HttpPost = (request: PostRequest) => Promise<PostOutcome>;

export type HttpPostOptions = {
  readonly endpoint: URL;
  /** Open connections at most; further requests wait in the pool. */
  readonly connections: number;
  /** A body larger than this, compressed or not, is refused while it is read. */
  readonly maxBodyBytes: number;
  /** Covers one connection, including that of the proxy. */
  readonly connectTimeoutMs: number;
  readonly proxy?: Proxy | null;
};

/**
 * Creates a pool of kept-alive connections to one endpoint. Redirects are not followed. It uses the pool's `dispatch`, the
 * cheapest interface of undici, which also tells when a request goes on the wire.
 */
export function createHttpPost(options: HttpPostOptions): {
  readonly post: HttpPost;
  close(): Promise<void>;
} {
  const { endpoint, maxBodyBytes, proxy = null } = options;
  const pool = new UndiciPool(endpoint.origin, {
    connections: options.connections,
    connect: proxy ? tunnelConnector(proxy, options.connectTimeoutMs) : { timeout: options.connectTimeoutMs },
    // The timeout of the request covers everything; those of undici are coarser.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const target = { endpoint, path: endpoint.pathname + endpoint.search, maxBodyBytes, proxy };

  return {
    post: (request) => postOnce(pool, target, request),
    close: () => pool.destroy(),
  };
}

type Target = {
  readonly endpoint: URL;
  readonly path: string;
  readonly maxBodyBytes: number;
  readonly proxy: Proxy | null;
};

function postOnce(pool: Pool, target: Target, request: PostRequest): Promise<PostOutcome> {
  const { headers, body, timeoutMs, signal } = request;
  return new Promise((resolve) => {
    /** Undefined until the request is on the wire. */
    let controller: Dispatcher.DispatchController | undefined;
    let isSettled = false;

    const settle = (outcome: PostOutcome | Promise<PostOutcome>) => {
      isSettled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      resolve(outcome);
    };
    const fail = (reason: PostFailureReason, cause: Error) => {
      if (isSettled) return;
      settle(
        cause instanceof ProxyFailure
          ? { kind: 'failure', reason, cause, proxyFailure: cause.message }
          : { kind: 'failure', reason, cause },
      );
      controller?.abort(cause);
    };
    const cancel = () => {
      if (controller === undefined) fail('cancelled', new Error('the request was cancelled'));
    };
    const timer = setTimeout(() => {
      if (controller === undefined) fail('connect', connectionTooSlow(target.proxy, timeoutMs));
      else fail('timeout', tooSlow(timeoutMs));
    }, timeoutMs);
    if (signal?.aborted === true) {
      cancel();
      return;
    }
    signal?.addEventListener('abort', cancel);

    const handler = responseHandler(target, {
      onStart(started) {
        // Given up while it waited for a connection, so it must not be sent.
        if (isSettled) started.abort(new Error('the request was given up'));
        else controller = started;
      },
      onTooLarge: () => fail('too-large', tooLarge(target.maxBodyBytes)),
      onEnd: settle,
      onError: (error) => fail(controller === undefined ? 'connect' : failureOf(error), error),
    });
    const { method = 'POST', path = target.path } = request;
    pool.dispatch({ path, method, headers, body: body === '' ? null : body }, handler);
  });
}

type ResponseEvents = {
  onStart(controller: Dispatcher.DispatchController): void;
  onTooLarge(): void;
  onEnd(outcome: PostResponse | Promise<PostOutcome>): void;
  onError(error: Error): void;
};

/** Collects one response for undici. */
function responseHandler(
  { endpoint, maxBodyBytes }: Target,
  events: ResponseEvents,
): Dispatcher.DispatchHandler {
  let status = 0;
  let headers: Readonly<Record<string, string | string[] | undefined>> = {};
  let size = 0;
  const chunks: Buffer[] = [];
  return {
    onRequestStart: events.onStart,
    onResponseStart(_controller, statusCode, responseHeaders) {
      if (statusCode < 200) return;
      status = statusCode;
      headers = responseHeaders;
      if (Number(headers['content-length']) > maxBodyBytes) events.onTooLarge();
    },
    onResponseData(_controller, chunk) {
      size += chunk.length;
      if (size > maxBodyBytes) events.onTooLarge();
      else chunks.push(chunk);
    },
    onResponseEnd() {
      const [only = Buffer.alloc(0)] = chunks;
      const response: PostResponse = {
        kind: 'response',
        status,
        contentType: single(headers['content-type']),
        date: single(headers['date']),
        retryAfter: single(headers['retry-after']),
        redirectsTo: isRedirect(status) ? redirectTarget(single(headers['location']), endpoint) : undefined,
        body: chunks.length <= 1 ? only : Buffer.concat(chunks, size),
      };
      const encoding = single(headers['content-encoding']);
      events.onEnd(encoding === undefined ? response : decode(response, encoding, maxBodyBytes));
    },
    onResponseError: (_controller, error) => events.onError(error),
  };
}

async function decode(response: PostResponse, encoding: string, maxBodyBytes: number): Promise<PostOutcome> {
  const decoded = await decodeContent(response.body, encoding, maxBodyBytes);
  if (Buffer.isBuffer(decoded)) return { ...response, body: decoded };
  // The target of a redirect matters more than its body.
  return isRedirect(response.status)
    ? { ...response, body: Buffer.alloc(0) }
    : { kind: 'failure', ...decoded };
}

/** Any 3xx, including those that are not redirects in the strict sense, such as 304. */
export function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

/** Tells a message that is not HTTP from a connection that broke, by undici's names of its errors. */
function failureOf(error: Error): PostFailureReason {
  return error.name === 'HTTPParserError' || error.name === 'HeadersOverflowError' ? 'not-http' : 'reset';
}

function tooSlow(timeoutMs: number): Error {
  return new Error(`no answer within ${timeoutMs} ms`);
}

function connectionTooSlow(proxy: Proxy | null, timeoutMs: number): Error {
  return proxy === null ? tooSlow(timeoutMs) : noConnection(proxy, timeoutMs);
}

function tooLarge(maxBodyBytes: number): Error {
  return new Error(`the body has more than ${maxBodyBytes} bytes`);
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
