import type { Config } from '../config/config.ts';
import { bypassed, destinationsOf } from '../config/destinations.ts';
import { nameOf, type Proxy, proxyFor } from '../transport/proxy.ts';

/** What goes through which proxy, a line each, without credentials; empty where nothing does. */
export function describeProxies(config: Config): readonly string[] {
  const users = new Map<Proxy, string[]>();
  for (const { what, url } of destinationsOf(config)) {
    const proxy = proxyFor(config.proxies, url);
    if (proxy !== null) users.set(proxy, [...(users.get(proxy) ?? []), what]);
  }
  return [...users].map(
    ([proxy, what]) => `${proxy.protocol}//${nameOf(proxy)} (${proxy.variable}) for ${what.join(', ')}`,
  );
}

/** What goes past the proxy because NO_PROXY says so, a line each. */
export function describeDirect(config: Config): readonly string[] {
  return bypassed(config.proxies, destinationsOf(config)).map(
    ({ what, url }) => `${what} (${url.host}), because of NO_PROXY`,
  );
}
