/** The URL by which this machine reaches a server that listens on `host`; IPv6 in brackets (RFC 3986, 3.2.2). */
export function localUrl(host: string, port: number): string {
  const reachable = reachableHost(host);
  // The percent sign before a zone is encoded (RFC 6874, 2).
  const name = reachable.includes(':') ? `[${reachable.replace('%', '%25')}]` : reachable;
  return `http://${name}:${port}`;
}

/** The host by which this machine reaches a server that listens on `host`: loopback if that is every address. */
export function reachableHost(host: string): string {
  if (/^0(?:\.0){3}$/.test(host)) return '127.0.0.1';
  // Also long spellings such as 0:0:0:0:0:0:0:0, and the one of IPv4 in IPv6.
  if (/^[0:]*:[0:]*$/.test(host)) return '::1';
  return /^[0:]*:ffff:(?:0\.0\.0\.0|0:0)$/i.test(host) ? '127.0.0.1' : host;
}
