import { type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Connections } from './connections.ts';

/** What Node found wrong, and the status for it; anything else is a request that is no HTTP. */
const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

export type BrokenRequestDeps = Pick<Connections, 'endWith'> & {
  readonly newRequestId: () => string;
  /** Told of every answer that is given here. */
  readonly onBroken: (status: number, requestId: string) => void;
};

/**
 * Answers what never becomes a request, with the request id every response carries (contract B); there is no one to
 * read a problem document. What is broken behind a request that is being answered must neither cut that answer nor get
 * another. An `Expect` nobody knows is passed over, as RFC 9110, 10.1.1 allows, so that such a request is
 * answered like any other.
 */
export function answerBrokenRequests(
  server: Server,
  { newRequestId, onBroken, endWith }: BrokenRequestDeps,
): void {
  const refuse = (socket: Duplex, status: number) => {
    const requestId = newRequestId();
    onBroken(status, requestId);
    endWith(
      socket,
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nX-Request-Id: ${requestId}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
  };
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    refuse(socket, STATUSES[error.code ?? ''] ?? 400);
  });
  // No tunnels; Node alone would close without a word.
  server.on('connect', (_request, socket: Duplex) => refuse(socket, 501));
  server.on('checkExpectation', (request, response) => {
    server.emit('request', request, response);
  });
}
