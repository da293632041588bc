import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import { callbackify } from 'node:util';
import { bareHost, type Proxy } from './proxy.ts';
import { openTunnel } from './tunnel.ts';

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
