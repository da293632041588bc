import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { callbackify } from 'node:util';
import type { buildConnector } from 'undici';
import { bareHost, nameOf, type Proxy } from './proxy.ts';

/** Why a proxy makes no connection; the message is for people and holds no credentials. */
export class ProxyFailure extends Error {
  override readonly name = 'ProxyFailure';
  /** What it answered; undefined when it did not. */
  readonly status: number | undefined;
  /** The system's word for what kept the proxy from being reached. */
  readonly code: string | undefined;

  constructor(message: string, { status, code }: { status?: number; code?: string | undefined } = {}) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Where a tunnel leads. */
export type TunnelTarget = {
  readonly protocol: 'http:' | 'https:';
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** What TLS needs beyond the usual, such as other certificates to trust. */
  readonly tls?: ConnectionOptions | undefined;
};

/** How long a tunnel is idle before TCP asks whether the other side is there, in ms; undici's figure. */
const KEEP_ALIVE_MS = 60_000;

/**
 * Connects through a proxy (RFC 9110, 9.3.6, CONNECT), for `https:` with TLS to the target inside, verified by the
 * target's name. Rejects with a ProxyFailure, or with the error of that TLS.
 *
 * @param timeoutMs for all of it
 */
export async function openTunnel(proxy: Proxy, target: TunnelTarget, timeoutMs: number): Promise<Socket> {
  const deadline = performance.now() + timeoutMs;
  const socket = await connectTo(proxy, target, timeoutMs);
  socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
  if (target.protocol === 'http:') return socket;
  return secure(socket, target, Math.max(1, deadline - performance.now()));
}

function connectTo(proxy: Proxy, { hostname, port }: TunnelTarget, timeoutMs: number): Promise<Socket> {
  const authority = `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`;
  return new Promise((resolve, reject) => {
    const request = (proxy.protocol === 'https:' ? requestHttps : requestHttp)({
      // One of its own: Node may have been told to give the shared one a proxy.
      agent: false,
      host: proxy.hostname,
      port: proxy.port,
      method: 'CONNECT',
      path: authority,
      headers: {
        host: authority,
        ...(proxy.authorization !== undefined && { 'proxy-authorization': proxy.authorization.reveal() }),
      },
    });
    const timer = setTimeout(() => request.destroy(noConnection(proxy, timeoutMs)), timeoutMs);
    request.once('connect', ({ statusCode = 0 }, socket: Socket, head) => {
      clearTimeout(timer);
      if (statusCode >= 200 && statusCode < 300) {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
        return;
      }
      socket.on('error', () => {}).destroy();
      reject(new ProxyFailure(refusalOf(proxy, authority, statusCode), { status: statusCode }));
    });
    request.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(error instanceof ProxyFailure ? error : unreachable(proxy, error));
    });
    request.end();
  });
}

/** A proxy that took too long. */
export function noConnection(proxy: Proxy, timeoutMs: number): ProxyFailure {
  return new ProxyFailure(`${subject(proxy)} made no connection within ${Math.ceil(timeoutMs)} ms`);
}

function refusalOf(proxy: Proxy, authority: string, status: number): string {
  const who = subject(proxy);
  if (status === 407) {
    return proxy.authorization === undefined
      ? `${who} asks for a user and a password (407), and ${proxy.variable} has none`
      : `${who} does not accept the user and the password in ${proxy.variable} (407)`;
  }
  if (status >= 500) return `${who} cannot connect to ${authority} (${status})`;
  return `${who} refuses to connect to ${authority} (${status})`;
}

function unreachable(proxy: Proxy, error: NodeJS.ErrnoException): ProxyFailure {
  const code = typeof error.code === 'string' ? error.code : 'no answer';
  return code.startsWith('HPE_')
    ? new ProxyFailure(`${subject(proxy)} does not answer as an HTTP proxy does`, { code })
    : new ProxyFailure(`${subject(proxy)} cannot be reached (${code})`, { code });
}

function subject(proxy: Proxy): string {
  return `the proxy ${nameOf(proxy)}`;
}

function secure(socket: Socket, { hostname, tls }: TunnelTarget, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const secured = connectTls({
      ALPNProtocols: ['http/1.1'],
      ...tls,
      socket,
      host: hostname,
      // A name only: addresses may not stand there (RFC 6066, 3).
      servername: isIP(hostname) === 0 ? hostname : '',
    });
    const timer = setTimeout(
      () => secured.destroy(Object.assign(new Error('TLS took too long'), { code: 'ETIMEDOUT' })),
      timeoutMs,
    );
    const fail = (error: Error) => {
      clearTimeout(timer);
      secured.destroy();
      reject(error);
    };
    secured.once('secureConnect', () => {
      clearTimeout(timer);
      secured.off('error', fail);
      resolve(secured);
    });
    secured.once('error', fail);
  });
}

const connectThrough = callbackify(openTunnel);

type ConnectOptions = { readonly host?: string | null; readonly port?: number | string | null };
type OnConnected = (error: Error | null, socket?: unknown) => void;

/** An agent of Node's own client whose connections go through a proxy. */
export function createTunnelAgent(
  proxy: Proxy,
  protocol: 'http:' | 'https:',
  { timeoutMs, tls }: { readonly timeoutMs: number; readonly tls?: ConnectionOptions },
): HttpAgent {
  const agent = new (protocol === 'https:' ? HttpsAgent : HttpAgent)({ keepAlive: true });
  return Object.assign(agent, {
    createConnection({ host, port }: ConnectOptions, callback: OnConnected): undefined {
      const target = {
        protocol,
        hostname: bareHost(host ?? 'localhost'),
        port: Number(port) || (protocol === 'https:' ? 443 : 80),
        tls,
      };
      connectThrough(proxy, target, timeoutMs, callback);
    },
  });
}

/** What undici makes connections by, through a proxy. */
export function tunnelConnector(proxy: Proxy, timeoutMs: number): buildConnector.connector {
  return ({ hostname, port, protocol }, callback) => {
    const isTls = protocol === 'https:';
    const target = {
      protocol: isTls ? ('https:' as const) : ('http:' as const),
      hostname: bareHost(hostname),
      port: Number(port) || (isTls ? 443 : 80),
    };
    connectThrough(proxy, target, timeoutMs, (error, socket) => {
      if (error === null) callback(null, socket);
      else callback(error, null);
    });
  };
}
