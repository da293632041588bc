import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { isHostAndPort } from './base-url.ts';

/**
 * Which page sends a request that has an `Origin`: the gateway's `own`, one of a `foreign` origin, or `unproven`: one that
 * looks like the gateway's own, but under a name other than that of PUBLIC_URL or one that a proxy has replaced.
 *
 * Pages cannot set any of these headers (Fetch standard, forbidden request-headers), unlike X-Forwarded-Host.
 * Sec-Fetch-Site is missing in older browsers and in requests to plain http: addresses.
 *
 * @param publicOrigin the origin of PUBLIC_URL, if that is configured
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

/** An origin as browsers write it (RFC 6454, 6.2); undefined for `null` and everything else. */
function webOrigin(text: string): URL | undefined {
  if (!/^https?:/.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.origin === text ? url : undefined;
}

function isAt({ protocol, origin }: URL, host: string): boolean {
  const address = `${protocol}//${host}`;
  return isHostAndPort(host) && URL.canParse(address) && new URL(address).origin === origin;
}

/** Whether the host is resolved without DNS (RFC 6761, 6.3), so that no attacker can rebind it. */
function isFixedAddress(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
  );
}
