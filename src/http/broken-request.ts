import { type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** What Node found wrong, and the status for it; anything else is a request that is no HTTP. */
const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/**
 * Answers what never becomes a request, with the request id every response carries (contract B); there is no one to
 * read a problem document. An `Expect` nobody knows is passed over, as RFC 9110, 10.1.1 allows, so that such a request
 * is answered like any other.
 */
export function answerBrokenRequests(server: Server, newRequestId: () => string): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const status = STATUSES[error.code ?? ''] ?? 400;
    socket.end(
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nX-Request-Id: ${newRequestId()}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
  });
  server.on('checkExpectation', (request, response) => {
    server.emit('request', request, response);
  });
}
