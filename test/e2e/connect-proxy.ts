import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer as createTlsSocketServer } from 'node:tls';
import { onTestFinished } from 'vitest';

const read = (name: string) => readFileSync(new URL(`../fixtures/test-only-tls/${name}`, import.meta.url));
const certificate = () => ({ key: read('test-only-key.pem'), cert: read('test-only-cert.pem') });

export type ConnectProxyOptions = {
  /** Where hosts are, as the proxy looks them up; others are not found. */
  readonly hosts?: Readonly<Record<string, number>>;
  /** `user:password` it wants to see. */
  readonly credentials?: string;
  /** What it answers instead of connecting; null: nothing, ever. */
  readonly status?: number | null;
  /** Bytes it answers with, whatever is asked. */
  readonly raw?: string;
  /** Whether it speaks TLS itself, with an untrusted certificate. */
  readonly tls?: boolean;
};

/** A proxy that connects for its clients (CONNECT) and does nothing else; gone when the test ends. */
export async function startConnectProxy(options: ConnectProxyOptions = {}) {
  const { hosts = {}, credentials, status, raw, tls } = options;
  const asked: { readonly target: string; readonly headers: IncomingMessage['headers'] }[] = [];
  const sockets = new Set<Socket>();
  const server = tls === true ? createTlsServer(certificate()) : createServer();
  let others = 0;
  server.on('request', (_request, response) => {
    others += 1;
    response.writeHead(405).end();
  });
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    const target = request.url ?? '';
    asked.push({ target, headers: request.headers });
    sockets.add(client);
    client.on('error', () => {}).on('close', () => sockets.delete(client));
    const refuse = (code: number) =>
      client.end(`HTTP/1.1 ${code} No\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>`);
    const expected = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
    if (raw !== undefined) client.end(raw);
    else if (status === null) return;
    else if (status !== undefined) refuse(status);
    else if (expected !== undefined && request.headers['proxy-authorization'] !== expected) refuse(407);
    else if (hosts[target] === undefined) refuse(502);
    else {
      const upstream = connect(hosts[target], '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      });
      upstream.on('error', () => client.destroy());
      sockets.add(upstream);
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    server.closeAllConnections();
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(close);
  return { port, at: `127.0.0.1:${port}`, asked, sockets, others: () => others, close };
}

/** Ends TLS for `test-only.invalid` in front of a port; gone when the test ends. */
export async function startTlsFront(port: number): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createTlsSocketServer(certificate(), (socket) => {
    const upstream = connect(port, '127.0.0.1');
    socket.pipe(upstream).pipe(socket);
    for (const each of [socket, upstream]) {
      sockets.add(each);
      each.on('error', () => {});
    }
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** The file of the certificate that TLS front shows. */
export const TEST_CERTIFICATE = new URL('../fixtures/test-only-tls/test-only-cert.pem', import.meta.url)
  .pathname;
