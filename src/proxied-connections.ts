import { readFileSync } from 'node:fs';
import type { Agent } from 'node:http';
import type { Config } from './config/config.ts';
import { createProxiedFetch, type ProxiedFetch } from './transport/proxied-fetch.ts';
import { proxyFor } from './transport/proxy.ts';
import { createTunnelAgent } from './transport/tunnel-agent.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** By what the keys of tokens are fetched, where a proxy stands before the identity provider. */
export function keySetFetchOf({ access, proxies }: Config): ProxiedFetch | null {
  const proxy = access.token === null ? null : proxyFor(proxies, access.token.jwksUrl);
  return proxy === null ? null : createProxiedFetch(proxy, CONNECT_TIMEOUT_MS);
}

/** By what spans are sent, where a proxy stands before the collector. */
export function traceAgentOf({ tracing, proxies }: Config): (() => Agent) | undefined {
  const endpoint = tracing?.endpoint ?? null;
  const proxy = endpoint === null ? null : proxyFor(proxies, endpoint);
  if (tracing === null || endpoint === null || proxy === null) return undefined;
  const { ca, cert, key } = tracing.certificates;
  const tls = {
    ...(ca !== undefined && { ca: readFileSync(ca) }),
    ...(cert !== undefined && { cert: readFileSync(cert) }),
    ...(key !== undefined && { key: readFileSync(key) }),
  };
  const protocol = endpoint.protocol === 'https:' ? 'https:' : 'http:';
  return () => createTunnelAgent(proxy, protocol, { timeoutMs: CONNECT_TIMEOUT_MS, tls });
}
