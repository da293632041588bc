import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { createServer as createTlsServer } from 'node:tls';
import { atEnd } from './lasting.ts';

export type RawRequest = {
  readonly head: string;
  readonly body: string;
  /** Counts requests over all connections, from 0. */
  readonly index: number;
  /** Counts connections, from 0. */
  readonly connection: number;
};

export type RawUpstream = {
  readonly endpoint: string;
  readonly port: number;
  readonly requests: readonly RawRequest[];
  /** Connections open now. */
  readonly sockets: ReadonlySet<Socket>;
  /** Connections made so far. */
  readonly connections: () => number;
  close(): Promise<void>;
};

export type RawOptions = {
  /** Does something as soon as there is a connection. */
  readonly onConnection?: (socket: Socket, connection: number) => void;
  /** Does something with each request once it has arrived whole. */
  readonly onRequest?: (socket: Socket, request: RawRequest) => void;
  /** TLS with an untrusted certificate. */
  readonly tls?: boolean;
};

/** A server that speaks bytes, for everything no HTTP server would do; gone when the test ends. */
export async function startRawUpstream({ onConnection, onRequest, tls }: RawOptions): Promise<RawUpstream> {
  const requests: RawRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const accept = (socket: Socket) => {
    const connection = connections++;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    onConnection?.(socket, connection);
    let buffered = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      buffered += chunk;
      for (let length = requestLength(buffered); length !== undefined; length = requestLength(buffered)) {
        const [head = '', body = ''] = buffered.slice(0, length).split(/\r\n\r\n(.*)/s);
        buffered = buffered.slice(length);
        const request = { head, body, index: requests.length, connection };
        requests.push(request);
        onRequest?.(socket, request);
      }
    });
  };
  const server = tls === true ? createTlsServer(testCertificate(), accept) : createTcpServer(accept);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  const close = () =>
    (closed ??= new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    }));
  atEnd(close);
  return {
    endpoint: `${tls === true ? 'https' : 'http'}://127.0.0.1:${port}/soap/mktows/2_9`,
    port,
    requests,
    sockets,
    connections: () => connections,
    close,
  };
}

/** How long the first request in `bytes` is; undefined while it is not complete. */
function requestLength(bytes: string): number | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const [, contentLength = '0'] = /^content-length: *(\d+)/im.exec(bytes.slice(0, headEnd)) ?? [];
  const length = headEnd + 4 + Number(contentLength);
  return bytes.length < length ? undefined : length;
}

/** Made for these tests and not trusted by any client; valid until 2126. */
function testCertificate(): { key: Buffer; cert: Buffer } {
  const read = (name: string) => readFileSync(new URL(`../fixtures/test-only-tls/${name}`, import.meta.url));
  return { key: read('test-only-key.pem'), cert: read('test-only-cert.pem') };
}

export type ReceivedCall = {
  readonly headers: IncomingMessage['headers'];
  readonly method: string;
  readonly url: string;
  readonly body: string;
};

export type TestUpstream = {
  readonly endpoint: string;
  readonly port: number;
  readonly calls: readonly ReceivedCall[];
  /** Connections open now. */
  readonly sockets: ReadonlySet<Socket>;
  close(): Promise<void>;
};

export type Behaviour = (response: ServerResponse, call: ReceivedCall, index: number) => void | Promise<void>;

/** A SOAP endpoint that does with each call what the test says; gone when the test ends. */
export async function startUpstream(behave: Behaviour, port = 0): Promise<TestUpstream> {
  const calls: ReceivedCall[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((request, response) => {
    void (async () => {
      const body = await text(request).catch(() => undefined);
      if (body === undefined) return;
      const call = { headers: request.headers, method: request.method ?? '', url: request.url ?? '', body };
      calls.push(call);
      await behave(response, call, calls.length - 1);
    })();
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  let closed: Promise<void> | undefined;
  const close = () =>
    (closed ??= new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }));
  atEnd(close);
  return {
    endpoint: `http://127.0.0.1:${bound}/soap/mktows/2_9`,
    port: bound,
    calls,
    sockets,
    close,
  };
}
