/** Where somebody on this machine reaches a server that listens on `host`: every address stands for loopback, IPv6 goes in brackets (RFC 3986, 3.2.2). */
export function originOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
