import { type Server, type ServerResponse, STATUS_CODES } from 'node:http';
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
  /** The response each connection is busy with. */
  const running = new WeakMap<Duplex, ServerResponse>();
  server.prependListener('request', ({ socket }, response) => {
    running.set(socket, response);
    response.once('close', () => running.delete(socket));
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    // What is broken came behind a request that is being answered: that answer must not be cut, nor another put into it.
    const response = running.get(socket);
    if (response !== undefined) {
      response.once('close', () => socket.end());
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
