import { type Proxies, proxyFor } from '../transport/proxy.ts';

/** What the gateway connects to through a proxy, where one is named. */
export type Destination = {
  /** For people, as in "calls to Marketo". */
  readonly what: string;
  readonly url: URL;
};

/** Everything of the configuration that is reached from here; the embedded sandbox is in the process, Redis never behind a proxy. */
export function destinationsOf(config: {
  readonly upstream: { readonly endpoint: URL } | null;
  readonly access: { readonly token: { readonly jwksUrl: URL } | null };
  readonly tracing: { readonly endpoint: URL | null } | null;
}): readonly Destination[] {
  const { upstream, access, tracing } = config;
  const all: readonly (readonly [string, URL | null | undefined])[] = [
    ['calls to Marketo', upstream?.endpoint],
    ["the keys of the tokens' issuer", access.token?.jwksUrl],
    ['traces', tracing?.endpoint],
  ];
  return all.flatMap(([what, url]) => (url === null || url === undefined ? [] : [{ what, url }]));
}

/** What goes direct and would not but for NO_PROXY. */
export function bypassed(proxies: Proxies | null, destinations: readonly Destination[]): Destination[] {
  if (proxies === null) return [];
  const strict = { ...proxies, bypass: [] };
  return destinations.filter(({ url }) => proxyFor(proxies, url) === null && proxyFor(strict, url) !== null);
}

/** A proxy that is named for `http:` alone does nothing for what is reached by `https:`. */
export function proxyWarnings(proxies: Proxies | null, destinations: readonly Destination[]): string[] {
  const http = proxies?.http ?? null;
  if (proxies === null || http === null || proxies.https !== null) return [];
  const forBoth = { ...proxies, https: http };
  const missed = destinations.filter(
    ({ url }) => url.protocol === 'https:' && proxyFor(forBoth, url) !== null,
  );
  if (missed.length === 0) return [];
  const meant = http.variable === 'http_proxy' ? 'https_proxy' : 'HTTPS_PROXY';
  const what = missed.map((destination) => destination.what).join(', ');
  return [
    `${http.variable} is for http: addresses alone, and https: goes without a proxy (${what}); set ${meant} if that is meant`,
  ];
}
