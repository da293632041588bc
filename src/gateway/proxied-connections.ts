import { readFileSync } from 'node:fs';
import type { Agent } from 'node:http';
import type { Logger } from '../observability/logger.ts';
import type { Config } from '../config/config.ts';
import { createProxiedFetch, type ProxiedFetch } from '../transport/proxied-fetch.ts';
import { proxyFor } from '../transport/proxy.ts';
import { createTunnelAgent } from '../transport/tunnel.ts';

/** As much of a call's outcome as is needed. */
type Outcome = { readonly kind: string; readonly proxyFailure?: string };

/** Says in the log when the proxy makes no connections, each reason once, and when it does again. */
export function createProxyWatch(logger: Logger): (outcome: Outcome) => void {
  let failure: string | undefined;
  return ({ kind, proxyFailure }) => {
    if (proxyFailure !== undefined) {
      if (proxyFailure !== failure) logger.warn({ reason: proxyFailure }, 'the proxy makes no connections');
      failure = proxyFailure;
    } else if (failure !== undefined && kind !== 'unreachable' && kind !== 'cancelled') {
      logger.info({}, 'the proxy makes connections again');
      failure = undefined;
    }
  };
}

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
