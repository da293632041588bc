import { type RequestListener, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Connections } from './connections.ts';

/** What Node found wrong, and the status for it; anything else is a request that is no HTTP. */
const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

type Deps = {
  readonly newRequestId: () => string;
  /** Told the status of every answer that is given here. */
  readonly onBroken: (status: number) => void;
};

export type BrokenRequestDeps = Pick<Connections, 'endWith'> & Deps;

/**
 * Answers what never becomes a request, with the request id every response carries (contract B); there is no one to
 * read a problem document. What is broken behind a request that is being answered must neither cut that answer nor get
 * another. An `Expect` nobody knows is passed over, as RFC 9110, 10.1.1 allows, so that such a request is
 * answered like any other.
 */
export function answerBrokenRequests(server: Server, deps: BrokenRequestDeps): void {
  const { newRequestId, onBroken, endWith } = deps;
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const status = STATUSES[error.code ?? ''] ?? 400;
    onBroken(status);
    endWith(
      socket,
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nX-Request-Id: ${newRequestId()}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
  });
  server.on('checkExpectation', (request, response) => {
    server.emit('request', request, response);
  });
}

/** Answers 431 to a request with more than `maxHeaders` header lines (RFC 6585, 5) and hands on all others. */
export function refuseManyHeaders(
  maxHeaders: number,
  { newRequestId, onBroken }: Deps,
  listener: RequestListener,
): RequestListener {
  return (request, response) => {
    // Names and values by turns.
    if (request.rawHeaders.length <= maxHeaders * 2) {
      listener(request, response);
      return;
    }
    onBroken(431);
    response.writeHead(431, {
      'X-Request-Id': newRequestId(),
      'Content-Length': 0,
      Connection: 'close',
    });
    response.end();
  };
}
