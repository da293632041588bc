/** Where somebody on this machine reaches a server that listens on `host`: every address stands for loopback, IPv6 goes in brackets (RFC 3986, 3.2.2). */
export function localUrl(host: string, port: number): string {
  const reachable = reachableHost(host);
  // A zone is written with its percent sign encoded (RFC 6874, 2).
  const name = reachable.includes(':') ? `[${reachable.replace('%', '%25')}]` : reachable;
  return `http://${name}:${port}`;
}

/** Whom to call to reach a server on this machine that listens on `host`. */
export function reachableHost(host: string): string {
  if (/^0(?:\.0){3}$/.test(host)) return '127.0.0.1';
  // Also its long spellings, such as 0:0:0:0:0:0:0:0, and IPv4's in IPv6.
  if (/^[0:]*:[0:]*$/.test(host)) return '::1';
  return /^[0:]*:ffff:(?:0\.0\.0\.0|0:0)$/i.test(host) ? '127.0.0.1' : host;
}
