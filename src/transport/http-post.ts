import { type Dispatcher, Pool } from 'undici';
import { decodeContent } from './decode-content.ts';
import type { Proxy } from './proxy.ts';
import { noConnection, ProxyFailure, tunnelConnector } from './tunnel.ts';

/** Longer ones are cut: they are told to people. */
const MAX_LENGTH = 200;

/**
 * Where a Location header sends whoever asked `endpoint` (RFC 9110, 10.2.2), for a person to read: without user,
 * query, fragment, path parameters and long runs of hexadecimal digits, which may be secrets. Undefined for what is no
 * web address.
 */
export function redirectTarget(location: string | undefined, endpoint: URL): string | undefined {
  if (location === undefined || location.trim() === '' || !URL.canParse(location, endpoint.href))
    return undefined;
  const { protocol, origin, pathname } = new URL(location, endpoint);
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  const where = origin + pathname.replaceAll(/;[^/]*/g, '').replaceAll(/[\da-f]{32,}/gi, '…');
  return where.length <= MAX_LENGTH ? where : `${where.slice(0, MAX_LENGTH)}…`;
}

/** As much of an AbortSignal as is needed. */
type WithdrawalSignal = {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
};

export type PostRequest = {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** How long the whole exchange may take: connecting, sending, headers and body. */
  readonly timeoutMs: number;
  /** Takes the request back while it is not sent. Once it is on the wire only the timeout ends it. */
  readonly signal?: WithdrawalSignal;
};

export type PostResponse = {
  readonly kind: 'response';
  readonly status: number;
  readonly contentType: string | undefined;
  readonly date: string | undefined;
  readonly retryAfter: string | undefined;
  /** Where an answer of 3xx sends us, for people; undefined when it does not say. */
  readonly redirectsTo: string | undefined;
  /** The whole body, content encodings undone. */
  readonly body: Buffer;
};

/**
 * Why there is no response:
 * `connect`: nothing was sent; `cancelled`: the signal came before anything was sent;
 * `reset`: the connection ended too early, the request may have been worked on;
 * `timeout`: the same, it was sent and no answer came within `timeoutMs`;
 * `too-large`, `bad-encoding`, `not-http`: there was an answer that cannot be taken in.
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
  /** What the proxy on the way did, for people; undefined where it was not the proxy. */
  readonly proxyFailure?: string;
  /** For the log. */
  readonly cause: unknown;
};

/** One POST; never rejects. */
export type HttpPost = (request: PostRequest) => Promise<PostResponse | PostFailure>;

export type HttpPostOptions = {
  readonly endpoint: URL;
  /** Connections held at most; requests beyond them wait in the pool. */
  readonly connections: number;
  /** Bodies larger than this, before or after decoding, are refused while they are read. */
  readonly maxBodyBytes: number;
  /** How long one connection may take to be made, through the proxy as well. */
  readonly connectTimeoutMs: number;
  /** What connections go through. */
  readonly proxy?: Proxy | null;
};

/**
 * A pool of kept-alive connections to one endpoint. Redirects are not followed. Uses the pool's `dispatch`, the
 * cheapest way through undici, which also tells when a request goes on the wire.
 */
export function createHttpPost(options: HttpPostOptions): {
  readonly post: HttpPost;
  close(): Promise<void>;
} {
  const { endpoint, maxBodyBytes, proxy = null } = options;
  const pool = new Pool(endpoint.origin, {
    connections: options.connections,
    connect: proxy ? tunnelConnector(proxy, options.connectTimeoutMs) : { timeout: options.connectTimeoutMs },
    // One timeout covers everything (below); undici's own would be a second and a coarser one.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const target = { endpoint, path: endpoint.pathname + endpoint.search, maxBodyBytes, proxy };

  return {
    post: (request) => exchange(pool, target, request),
    close: () => pool.destroy(),
  };
}

type Target = {
  readonly endpoint: URL;
  readonly path: string;
  readonly maxBodyBytes: number;
  readonly proxy: Proxy | null;
};

function exchange(
  pool: Pool,
  { endpoint, path, maxBodyBytes, proxy }: Target,
  request: PostRequest,
): Promise<PostResponse | PostFailure> {
  return new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | undefined;
    let ended: PostFailure | undefined;
    let status = 0;
    let headers: Readonly<Record<string, string | string[] | undefined>> = {};
    let size = 0;
    const chunks: Buffer[] = [];

    const settle = (outcome: PostResponse | PostFailure | Promise<PostResponse | PostFailure>) => {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', cancel);
      resolve(outcome);
    };
    const fail = (reason: PostFailureReason, cause: Error) => {
      if (ended !== undefined) return;
      ended =
        cause instanceof ProxyFailure
          ? { kind: 'failure', reason, cause, proxyFailure: cause.message }
          : { kind: 'failure', reason, cause };
      controller?.abort(cause);
      settle(ended);
    };
    const cancel = () => {
      if (controller === undefined) fail('cancelled', new Error('nobody wants it any more'));
    };
    const timer = setTimeout(() => {
      if (controller !== undefined) fail('timeout', tooSlow(request.timeoutMs));
      // Before it is on the wire, what took so long was the connection.
      else
        fail('connect', proxy === null ? tooSlow(request.timeoutMs) : noConnection(proxy, request.timeoutMs));
    }, request.timeoutMs);
    if (request.signal?.aborted === true) {
      cancel();
      return;
    }
    request.signal?.addEventListener('abort', cancel);

    pool.dispatch(
      { path, method: 'POST', headers: request.headers, body: request.body },
      {
        onRequestStart(started) {
          // Given up while it waited for a connection: it must not be sent any more.
          if (ended !== undefined) started.abort(new Error(ended.reason));
          else controller = started;
        },
        onResponseStart(_controller, statusCode, responseHeaders) {
          if (statusCode < 200) return;
          status = statusCode;
          headers = responseHeaders;
          if (Number(headers['content-length']) > maxBodyBytes) fail('too-large', tooLarge(maxBodyBytes));
        },
        onResponseData(_controller, chunk) {
          size += chunk.length;
          if (size > maxBodyBytes) fail('too-large', tooLarge(maxBodyBytes));
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
            redirectsTo: isRedirect(status)
              ? redirectTarget(single(headers['location']), endpoint)
              : undefined,
            body: chunks.length <= 1 ? only : Buffer.concat(chunks, size),
          };
          const encoding = single(headers['content-encoding']);
          settle(encoding === undefined ? response : decode(response, encoding, maxBodyBytes));
        },
        onResponseError(_controller, error) {
          fail(controller === undefined ? 'connect' : failureOf(error), error);
        },
      },
    );
  });
}

async function decode(
  response: PostResponse,
  encoding: string,
  maxBodyBytes: number,
): Promise<PostResponse | PostFailure> {
  const decoded = await decodeContent(response.body, encoding, maxBodyBytes);
  if (Buffer.isBuffer(decoded)) return { ...response, body: decoded };
  // What a redirect says besides where to go matters less.
  return isRedirect(response.status)
    ? { ...response, body: Buffer.alloc(0) }
    : { kind: 'failure', ...decoded };
}

/** 3xx, also those that are no redirects in the strict sense. */
export function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

/** A message that is no HTTP is told from a connection that broke; undici's names for it end here. */
function failureOf(error: Error): PostFailureReason {
  return error.name === 'HTTPParserError' || error.name === 'HeadersOverflowError' ? 'not-http' : 'reset';
}

function tooSlow(timeoutMs: number): Error {
  return new Error(`no answer within ${timeoutMs} ms`);
}

function tooLarge(maxBodyBytes: number): Error {
  return new Error(`the body has more than ${maxBodyBytes} bytes`);
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
