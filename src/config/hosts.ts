import { isIP, isIPv6 } from 'node:net';

/** True for a name or an address that only this machine itself reaches, also in the brackets of a URL. */
export function isLoopback(host: string): boolean {
  const name = withoutBrackets(host).toLowerCase();
  if (name === 'localhost' || /^127(?:\.\d{1,3}){3}$/.test(name)) return true;
  if (!isIPv6(name) || name.includes('%')) return false;
  // As URLs write it: one spelling for each address (RFC 5952), also for IPv4 in IPv6.
  const { hostname } = new URL(`http://[${name}]`);
  return hostname === '[::1]' || /^\[::ffff:7f[0-9a-f]{2}:/.test(hostname);
}

/** What `host` is to a server that listens there: `[::1]` is `::1`. */
export function withoutBrackets(host: string): string {
  return /^\[(.*)\]$/.exec(host)?.[1] ?? host;
}

/** RFC 1123, 2.1; names that end in a number are for addresses (URL Standard, "ends in a number"). */
const NAME =
  /^(?=.{1,254}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?$/i;
const ENDS_IN_NUMBER = /(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/i;
/** A target of compilers: processor, maker, system. */
const TARGET_TRIPLE =
  /^(?:x86_64|amd64|i[3-6]86|arm64|aarch64|armv\w+|ppc64(?:le)?|powerpc\w*|s390x|riscv64)-.*(?:linux|darwin|apple|gnu|musl|mingw|windows|conda)/i;

const SETTERS = 'conda, csh and tcsh set HOST by themselves';
const ADVICE = 'unset HOST, or give the address to listen on, such as 127.0.0.1 or 0.0.0.0';

/** What keeps `host` from being an address to listen on, as a sentence without its subject; undefined when nothing. */
export function hostComplaint(host: string): string | undefined {
  const bare = withoutBrackets(host);
  if (isIP(bare) !== 0) {
    return host === bare || isIPv6(bare) ? undefined : 'must stand without brackets: they are for IPv6';
  }
  if (host === '*' || host === '+') return 'must be 0.0.0.0 for every IPv4 address, or :: for every address';
  if (host.includes('://') || host.includes('/')) {
    return 'must be an address or a name alone, without http:// and without a path';
  }
  if (/^(?:[^:]+|\[.*\]):\d*$/.test(host)) return 'must be an address alone; the port goes to PORT';
  if (TARGET_TRIPLE.test(host)) return `is the name of a platform and no address: ${SETTERS}; ${ADVICE}`;
  if (ENDS_IN_NUMBER.test(host)) return 'must be an IPv4 address of four numbers, such as 127.0.0.1';
  return NAME.test(host) ? undefined : `is neither an address nor the name of a host: ${SETTERS}; ${ADVICE}`;
}

/** Where a name may come from that nobody meant; empty for an address, which somebody wrote. */
export function hostOrigin(host: string): string {
  return isIP(withoutBrackets(host)) !== 0 ? '' : ` (${SETTERS}; if you did not mean it, unset HOST)`;
}
