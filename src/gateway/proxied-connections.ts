import { readFileSync } from 'node:fs';
import type { Agent } from 'node:http';
import type { Logger } from '../observability/logger.ts';
import type { Config } from '../config/config.ts';
import { proxyFor } from '../transport/proxy.ts';
import { createProxiedFetch, createTunnelAgent, type ProxiedFetch } from '../transport/tunnel.ts';
import type { Outcome } from '../upstream/outcome.ts';

/** Logs when the proxy makes no connections, each reason once, and when it makes them again. */
export function createProxyWatch(logger: Logger): (outcome: Outcome) => void {
  let failure: string | undefined;
  return (outcome) => {
    const reason = outcome.kind === 'failed' ? outcome.proxyFailure : undefined;
    if (reason !== undefined) {
      if (reason !== failure) logger.warn({ reason }, 'the proxy makes no connections');
      failure = reason;
    } else if (failure !== undefined && isConnected(outcome)) {
      logger.info({}, 'the proxy makes connections again');
      failure = undefined;
    }
  };
}

function isConnected(outcome: Outcome): boolean {
  return outcome.kind !== 'cancelled' && !(outcome.kind === 'failed' && outcome.how === 'unreachable');
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Fetches the keys of tokens through the proxy; null if the identity provider is reached without one. */
export async function keySetFetchOf({ access, proxies }: Config): Promise<ProxiedFetch | null> {
  const proxy = access.token === null ? null : proxyFor(proxies, access.token.jwksUrl);
  if (proxy === null) return null;
  return createProxiedFetch(proxy, CONNECT_TIMEOUT_MS);
}

/** Sends spans through the proxy; undefined if the collector is reached without one. */
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
