import { Agent, fetch as undiciFetch } from 'undici';
import type { Proxy } from './proxy.ts';
import { tunnelConnector } from './tunnel.ts';

export type ProxiedFetch = {
  readonly fetch: (url: string, init: object) => Promise<Response>;
  close(): Promise<void>;
};

/** `fetch` whose connections go through a proxy, whatever Node has been told of proxies itself. */
export function createProxiedFetch(proxy: Proxy, connectTimeoutMs: number): ProxiedFetch {
  const dispatcher = new Agent({ connect: tunnelConnector(proxy, connectTimeoutMs) });
  return {
    fetch: (url, init) => undiciFetch(url, { ...init, dispatcher }),
    close: () => dispatcher.destroy(),
  };
}
