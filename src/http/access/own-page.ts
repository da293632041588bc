import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { isHostAndPort } from '../base-url.ts';

/**
 * Whose page sends a request that has an `Origin`: the gateway's `own`, that of a `foreign` origin, or `unproven`: one
 * that looks like the gateway's own under a name that is not the one of PUBLIC_URL, or that a proxy has replaced.
 *
 * Pages can set none of these headers themselves (Fetch standard, forbidden request-headers), which is not so for
 * X-Forwarded-Host. Sec-Fetch-Site is missing in older browsers and where a plain http: address is asked.
 *
 * @param publicOrigin where browsers reach the gateway, if that is configured
 */
export function pageOf(
  headers: IncomingHttpHeaders,
  publicOrigin: string | undefined,
): 'own' | 'unproven' | 'foreign' {
  const { origin, host = '' } = headers;
  const site = headers['sec-fetch-site'];
  if (origin === undefined || (site !== undefined && site !== 'same-origin')) return 'foreign';
  if (origin === publicOrigin) return 'own';
  const page = webOrigin(origin);
  if (page === undefined) return 'foreign';
  if (!isAt(page, host)) return site === undefined ? 'foreign' : 'unproven';
  return publicOrigin === undefined || isFixedAddress(page.hostname) ? 'own' : 'unproven';
}

/** An origin as browsers write it (RFC 6454, 6.2); `null` and everything else is none. */
function webOrigin(text: string): URL | undefined {
  if (!/^https?:/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.origin === text ? url : undefined;
}

function isAt({ protocol, origin }: URL, host: string): boolean {
  const address = `${protocol}//${host}`;
  return isHostAndPort(host) && URL.canParse(address) && new URL(address).origin === origin;
}

/** Whether no DNS server decides where the host is (RFC 6761, 6.3). */
function isFixedAddress(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
  );
}
