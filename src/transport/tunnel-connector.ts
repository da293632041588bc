import type { buildConnector } from 'undici';
import { bareHost, type Proxy } from './proxy.ts';
import { openTunnel } from './tunnel.ts';

/** What undici makes connections by, through a proxy. */
export function tunnelConnector(proxy: Proxy, timeoutMs: number): buildConnector.connector {
  return ({ hostname, port, protocol }, callback) => {
    const isTls = protocol === 'https:';
    const target = {
      protocol: isTls ? ('https:' as const) : ('http:' as const),
      hostname: bareHost(hostname),
      port: Number(port) || (isTls ? 443 : 80),
    };
    openTunnel(proxy, target, timeoutMs).then(
      (socket) => callback(null, socket),
      (error: Error) => callback(error, null),
    );
  };
}
