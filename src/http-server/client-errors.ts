import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { CorsFields } from '../http/cors.ts';
import type { Connections } from './connections.ts';

/** What Node found wrong, and the status for it; anything else is a request that is no HTTP. */
const STATUSES: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

export type ClientErrorDeps = Pick<Connections, 'endWith'> & {
  readonly newRequestId: () => string;
  /** So that a page learns at least the status, where its origin can be read. */
  readonly corsFields: CorsFields;
  /** Told of every answer that is given here. */
  readonly onBroken: (status: number, requestId: string) => void;
};

/**
 * Answers what never becomes a request, with the request id every response carries (contract B); there is no one to
 * read a problem document. What is broken behind a request that is being answered must neither cut that answer nor get
 * another. An `Expect` nobody knows is passed over, as RFC 9110, 10.1.1 allows, so that such a request is
 * answered like any other.
 */
export function answerClientErrors(
  server: Server,
  { newRequestId, corsFields, onBroken, endWith }: ClientErrorDeps,
): void {
  const refuse = (socket: Duplex, status: number, origin?: string) => {
    const requestId = newRequestId();
    onBroken(status, requestId);
    endWith(socket, (request?: IncomingMessage) => {
      const fields = ['X-Request-Id', requestId, 'Content-Length', '0', 'Connection', 'close'];
      fields.push(...corsFields(request?.headers.origin ?? origin));
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
  // No tunnels; Node alone would close without a word.
  server.on('connect', (request, socket: Duplex) => refuse(socket, 501, request.headers.origin));
  server.on('checkExpectation', (request, response) => {
    server.emit('request', request, response);
  });
}

/** The `Origin` in bytes that are no request; whoever reads it compares it with those it knows. */
function originIn(packet: Buffer | undefined): string | undefined {
  return /\norigin:([^\r\n]{1,300})\r?\n/i.exec(packet?.toString('latin1') ?? '')?.[1]?.trim();
}
