import type { Agent } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { callbackify } from 'node:util';
import type { buildConnector } from 'undici';
import { authorityOf, bareHost, type Proxy } from './proxy.ts';

/** Not imported: an import of node:http also loads fetch (docs/performance.md#start). */
function httpFor(protocol: string) {
  return process.getBuiltinModule(protocol === 'https:' ? 'node:https' : 'node:http');
}

/** Why a proxy makes no connection. The message is for people and has no credentials. */
export class ProxyFailure extends Error {
  override readonly name = 'ProxyFailure';
  /** The HTTP status of its answer; undefined without one. */
  readonly status: number | undefined;
  /** The code of the system error, such as ECONNREFUSED. */
  readonly code: string | undefined;

  constructor(message: string, { status, code }: { status?: number; code?: string | undefined } = {}) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The far end of a tunnel. */
export type TunnelTarget = {
  readonly protocol: 'http:' | 'https:';
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** Options for TLS, such as further trusted certificates. */
  readonly tls?: ConnectionOptions | undefined;
};

/** How long a tunnel is idle before TCP probes the other side, in ms; the same as undici's. */
const KEEP_ALIVE_MS = 60_000;

/**
 * Connects through a proxy by CONNECT (RFC 9110, 9.3.6); for `https:` with TLS inside, verified for the target's name.
 * Rejects with a ProxyFailure or with the error of TLS.
 *
 * @param timeoutMs covers both
 */
export async function openTunnel(proxy: Proxy, target: TunnelTarget, timeoutMs: number): Promise<Socket> {
  const deadline = performance.now() + timeoutMs;
  const socket = await connectTo(proxy, target, timeoutMs);
  socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
  if (target.protocol === 'http:') return socket;
  return secure(socket, target, Math.max(1, deadline - performance.now()));
}

function connectTo(proxy: Proxy, target: TunnelTarget, timeoutMs: number): Promise<Socket> {
  const authority = authorityOf(target);
  return new Promise((resolve, reject) => {
    const request = httpFor(proxy.protocol).request({
      // Not the shared agent: Node may have been told to give that one a proxy.
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

/** The failure of a proxy that takes too long. */
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
  return `the proxy ${authorityOf(proxy)}`;
}

function secure(socket: Socket, { hostname, tls }: TunnelTarget, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const secured = connectTls({
      ALPNProtocols: ['http/1.1'],
      ...tls,
      socket,
      host: hostname,
      // Addresses are not allowed here (RFC 6066, 3).
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

/** Creates an agent of `node:http` whose connections go through a proxy. */
export function createTunnelAgent(
  proxy: Proxy,
  protocol: 'http:' | 'https:',
  { timeoutMs, tls }: { readonly timeoutMs: number; readonly tls?: ConnectionOptions },
): Agent {
  const agent = new (httpFor(protocol).Agent)({ keepAlive: true });
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

/** Creates a connector of undici that goes through a proxy. */
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

export type ProxiedFetch = {
  readonly fetch: (url: string, init: object) => Promise<Response>;
  close(): Promise<void>;
};

/** Creates a `fetch` whose connections go through this proxy, whatever Node itself has been told of proxies. */
export async function createProxiedFetch(proxy: Proxy, connectTimeoutMs: number): Promise<ProxiedFetch> {
  const { Agent, fetch: undiciFetch } = await import('undici');
  const dispatcher = new Agent({ connect: tunnelConnector(proxy, connectTimeoutMs) });
  return {
    fetch: (url, init) => undiciFetch(url, { ...init, dispatcher }),
    close: () => dispatcher.destroy(),
  };
}
