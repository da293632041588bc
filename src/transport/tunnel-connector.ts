import { callbackify } from 'node:util';
import type { buildConnector } from 'undici';
import { bareHost, type Proxy } from './proxy.ts';
import { openTunnel } from './tunnel.ts';

const connectThrough = callbackify(openTunnel);

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
