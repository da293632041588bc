import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

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
  onTestFinished(close);
  return {
    endpoint: `http://127.0.0.1:${bound}/soap/mktows/2_9`,
    port: bound,
    calls,
    sockets,
    close,
  };
}
