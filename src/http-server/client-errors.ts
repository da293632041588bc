import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RefusalDeps, startRefusal } from './ambiguous-requests.ts';
import type { Connections } from './connections.ts';

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
    refuse(socket, STATUSES[error.code ?? ''] ?? 400, originIn(error.rawPacket));
  });
  // Node alone would close the connection without an answer.
  server.on('connect', (request, socket: Duplex) => refuse(socket, 501, request.headers.origin));
  server.on('checkExpectation', (request, response) => {
    server.emit('request', request, response);
  });
}

/** The `Origin` in bytes that could not be parsed; it is only compared with known origins. */
function originIn(packet: Buffer | undefined): string | undefined {
  return /\norigin:([^\r\n]{1,300})\r?\n/i.exec(packet?.toString('latin1') ?? '')?.[1]?.trim();
}
