import { BlockList, isIP } from 'node:net';

/** An HTTP proxy that connections go through; its credentials are nowhere but in `authorization`. */
export type Proxy = {
  readonly protocol: 'http:' | 'https:';
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** The value of Proxy-Authorization. */
  readonly authorization: { readonly reveal: () => string } | undefined;
  /** The environment variable that names it. */
  readonly variable: string;
};

/** Which proxy each kind of URL goes through, and which hosts none is used for. */
export type Proxies = {
  readonly https: Proxy | null;
  readonly http: Proxy | null;
  readonly bypass: readonly BypassRule[];
};

/** An entry of NO_PROXY. */
export type BypassRule = {
  /** Whether it is for this host, in lower case and without brackets. */
  readonly isFor: (host: string) => boolean;
  /** Undefined: all of them. */
  readonly port: number | undefined;
};

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** The proxy a connection for this URL goes through; null for none. Never one for this machine itself. */
export function proxyFor(proxies: Proxies | null, url: URL): Proxy | null {
  if (proxies === null) return null;
  const isTls = url.protocol === 'https:' || url.protocol === 'wss:';
  const host = bareHost(url.hostname);
  if (isLocal(host)) return null;
  const port = portOf(url);
  const isBypassed = proxies.bypass.some((rule) => (rule.port ?? port) === port && rule.isFor(host));
  return isBypassed ? null : isTls ? proxies.https : proxies.http;
}

function isLocal(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  return isInList(LOOPBACK, host);
}

/** Whether a host is an address in the list. */
export function isInList(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** A host as it is compared: in lower case, without brackets and without the dot that ends a full name. */
export function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}

/** The port of a URL, also where it goes without saying. */
export function portOf({ protocol, port }: URL): number {
  return Number(port) || (protocol === 'https:' ? 443 : 80);
}

/** Where the proxy is, for people: a host and a port, no credentials. */
export function nameOf({ hostname, port }: Proxy): string {
  return `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`;
}
