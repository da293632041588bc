import type { IncomingMessage, RequestListener, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Connections } from './connections.ts';

// See server.ts.
const { STATUS_CODES } = process.getBuiltinModule('node:http');

/** Further header fields, name before value, of an answer to a request with this `Origin`, or without one. */
export type HeadersFor = (origin: string | undefined) => readonly string[];

/** What the server's own refusals need; they have a status, a request id and no body. */
export type RefusalDeps = {
  readonly newRequestId: () => string;
  readonly headersFor: HeadersFor;
  readonly onRefused: (status: number, requestId: string) => void;
};

/** Reports a refusal; the result gives its header fields, name before value. */
function startRefusal(deps: RefusalDeps, status: number): (origin: string | undefined) => string[] {
  const requestId = deps.newRequestId();
  deps.onRefused(status, requestId);
  return (origin) => [
    'X-Request-Id',
    requestId,
    'Content-Length',
    '0',
    'Connection',
    'close',
    ...deps.headersFor(origin),
  ];
}

/**
 * Rejects requests that a proxy in front could parse differently (request smuggling), and closes the connection; see
 * docs/operations.md#ambiguous-requests. Nothing behind such a request is served.
 *
 * @param maxHeaders lines of the head; with more it is rejected, too
 */
export function refuseAmbiguousRequests(
  maxHeaders: number,
  deps: RefusalDeps,
  listener: RequestListener,
): RequestListener {
  const ending = new WeakSet<object>();
  return (request, response) => {
    if (ending.has(request.socket)) return;
    const status = statusForHead(request, maxHeaders);
    if (status === undefined) {
      listener(request, response);
      return;
    }
    ending.add(request.socket);
    response.writeHead(status, startRefusal(deps, status)(originIn(request.rawHeaders)));
    response.end();
  };
}

/** The status to refuse a head with; undefined if it is fine. */
function statusForHead(request: IncomingMessage, maxHeaders: number): number | undefined {
  const { rawHeaders, httpVersion } = request;
  // Node would answer HTTP/0.9 and HTTP/2.0 as if they were 1.1.
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 505;
  // Two elements for each line. RFC 6585, 5.
  if (rawHeaders.length > maxHeaders * 2) return 431;
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    // Hot path: lengths are cheaper to compare than names.
    if (name.length === HOST.length && name.toLowerCase() === HOST) {
      hosts += 1;
      if (!isValidHost(rawHeaders[index + 1] ?? '', request.url ?? '')) return 400;
    } else if (name.length === CODING.length && name.toLowerCase() === CODING) {
      // Any other coding is unknown (RFC 9112, 6.1), and Node's parser looks only at the last. It refuses chunked twice.
      if (rawHeaders[index + 1]?.toLowerCase() !== 'chunked') return 501;
      // HTTP/1.0 has no codings, so a proxy may have seen the end of the message elsewhere (RFC 9112, 6.1).
      if (httpVersion === '1.0') return 400;
    }
  }
  // RFC 9112, 3.2.
  return hosts === 1 || (hosts === 0 && httpVersion === '1.0') ? undefined : 400;
}

const HOST = 'host';
const CODING = 'transfer-encoding';

/** `uri-host [ ":" port ]` (RFC 9110, 7.2; RFC 3986, 3.2.2), without a user. */
const AUTHORITY = /^(?:[\w.~!$&'()*+,;=%-]*|\[[\da-f:.]+\])(?::\d*)?$/i;
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i;

/** Whether a Host is well formed, and the same as in the target if that names one (RFC 9112, 3.2.2). */
function isValidHost(host: string, target: string): boolean {
  if (!AUTHORITY.test(host)) return false;
  if (target.startsWith('/')) return true;
  const [, authority] = ABSOLUTE.exec(target) ?? [];
  return authority === undefined || authority.toLowerCase() === host.toLowerCase();
}

/** The `Origin` of a head, even if Node left it out of `headers` because there were too many. */
function originIn(rawHeaders: readonly string[]): string | undefined {
  const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'origin');
  return at === -1 ? undefined : rawHeaders[at + 1];
}

/** Node's error code → status; any other error means that the bytes are not HTTP, which is a 400. */
const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

export type ClientErrorDeps = RefusalDeps & Pick<Connections, 'endWith'>;

/**
 * Answers what never becomes a request: broken syntax, timeouts, CONNECT. Broken bytes behind a request neither cut its
 * response nor get one of their own. An unknown `Expect` is ignored, as RFC 9110, 10.1.1 allows, and the request is
 * served.
 */
export function answerClientErrors(server: Server, { endWith, ...deps }: ClientErrorDeps): void {
  const refuse = (socket: Duplex, status: number, origin?: string) => {
    const fieldsFor = startRefusal(deps, status);
    endWith(socket, (request?: IncomingMessage) => {
      const fields = fieldsFor(request?.headers.origin ?? origin);
      const lines = fields.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${fields[at + 1]}`] : []));
      return [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', ''].join('\r\n');
    });
  };
  server.on('clientError', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    refuse(socket, STATUSES[error.code ?? ''] ?? 400, originInPacket(error.rawPacket));
  });
  // Node alone would close the connection without an answer.
  server.on('connect', (request, socket: Duplex) => refuse(socket, 501, request.headers.origin));
  server.on('checkExpectation', (request, response) => {
    server.emit('request', request, response);
  });
}

/** The `Origin` in bytes that could not be parsed; it is only compared with known origins. */
function originInPacket(packet: Buffer | undefined): string | undefined {
  return /\norigin:([^\r\n]{1,300})\r?\n/i.exec(packet?.toString('latin1') ?? '')?.[1]?.trim();
}
