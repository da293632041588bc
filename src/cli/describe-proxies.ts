import type { Config } from '../config/config.ts';
import { nameOf, type Proxy, proxyFor } from '../transport/proxy.ts';

/** What goes through which proxy, a line each, without credentials; empty where nothing does. */
export function describeProxies({ proxies, upstream, access, tracing }: Config): readonly string[] {
  const uses: readonly (readonly [string, URL | undefined])[] = [
    ['calls to Marketo', upstream?.endpoint],
    ["the keys of the tokens' issuer", access.token?.jwksUrl],
    ['traces', tracing?.endpoint ?? undefined],
  ];
  const users = new Map<Proxy, string[]>();
  for (const [what, url] of uses) {
    const proxy = url === undefined ? null : proxyFor(proxies, url);
    if (proxy !== null) users.set(proxy, [...(users.get(proxy) ?? []), what]);
  }
  return [...users].map(
    ([proxy, what]) => `${proxy.protocol}//${nameOf(proxy)} (${proxy.variable}) for ${what.join(', ')}`,
  );
}
