import { BlockList, isIP } from 'node:net';

/** An HTTP proxy. Only `authorization` holds its credentials. */
export type Proxy = {
  readonly protocol: 'http:' | 'https:';
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** The value of Proxy-Authorization. */
  readonly authorization: { readonly reveal: () => string } | undefined;
  /** The environment variable that configures it. */
  readonly variable: string;
};

/** The proxies by the protocol of a URL, and the hosts that are reached without one. */
export type Proxies = {
  readonly https: Proxy | null;
  readonly http: Proxy | null;
  readonly bypass: readonly BypassRule[];
};

/** One entry of NO_PROXY. */
export type BypassRule = {
  /** Takes a host in lower case and without brackets. */
  readonly isFor: (host: string) => boolean;
  /** Undefined: all ports. */
  readonly port: number | undefined;
};

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** The proxy for a URL; null if there is none. This machine itself is always reached without one. */
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

/** Whether a host is an address on the list. */
export function isInList(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

/** A host in the form that is compared: lower case, without brackets and without the dot after a full name. */
export function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}

/** The port of a URL, or the default port of its protocol. */
export function portOf({ protocol, port }: URL): number {
  return Number(port) || (protocol === 'https:' ? 443 : 80);
}

/** Host and port as in a URL (RFC 3986, 3.2.2), without credentials. */
export function authorityOf({
  hostname,
  port,
}: {
  readonly hostname: string;
  readonly port: number;
}): string {
  return `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`;
}
