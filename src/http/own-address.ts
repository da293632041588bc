import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import { GatewayError } from '../leads/errors.ts';
import { isHostAndPort, prefixOf } from './base-url.ts';
import { pageOf } from './own-page.ts';

/** Names and addresses of this machine alone (RFC 6761, 6.3). */
const LOOPBACK =
  /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\]|\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\])\.?$/;

/** Asked by load balancers under any name; they hold no data. */
const PROBES = ['/healthz', '/readyz'];

/**
 * Stands in for credentials where callers have none: keeps out pages of other origins, and pages whose own name was rebound
 * to the gateway's address (DNS rebinding), which the Host of their requests shows. X-Forwarded-Host counts for nothing
 * here, since such a page can set it. Fails with `forbidden` (docs/authentication.md#without-keys).
 *
 * @param publicUrl where callers reach the gateway, if that is configured
 */
export function refuseForeignPages(
  publicUrl: string | undefined,
  isAllowedOrigin: (origin: string) => boolean,
): RequestHandler {
  const { origin: publicOrigin, hostname: publicHost } =
    publicUrl === undefined ? NO_URL : new URL(publicUrl);
  const prefix = prefixOf(publicUrl);
  const probes = new Set([...PROBES, ...PROBES.map((path) => prefix + path)]);
  // Hot path: nearly all requests have the same.
  let lastOwn: string | undefined;
  return (req, _res, next) => {
    const { headers, method, path, socket } = req;
    // OPTIONS is a probe as well, or a preflight, and what that allows is up to CORS.
    if (probes.has(path) || method === 'OPTIONS') {
      next();
      return;
    }
    const { host } = headers;
    if (host !== undefined && host !== lastOwn) {
      const name = nameOf(host);
      if (name === undefined || (name !== publicHost && !LOOPBACK.test(name))) {
        if (name === undefined || name !== addressOf(socket.localAddress)) throw foreignHost();
      } else {
        lastOwn = host;
      }
    }
    checkPage(req, publicOrigin, isAllowedOrigin);
    next();
  };
}

const NO_URL = { origin: undefined, hostname: undefined };

/** The name in a Host as URLs write it, without the port; undefined if it is not valid. */
function nameOf(host: string): string | undefined {
  const url = `http://${host}`;
  return isHostAndPort(host) && URL.canParse(url) ? new URL(url).hostname : undefined;
}

/** An address as URLs write it: no name has that form, so none can be rebound to look like it. */
function addressOf(address: string | undefined): string | undefined {
  if (address === undefined) return undefined;
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  return mapped ?? (address.includes(':') ? nameOf(`[${address.split('%', 1)[0]}]`) : address);
}

function checkPage(
  { headers, method }: IncomingMessage,
  publicOrigin: string | undefined,
  isAllowedOrigin: (origin: string) => boolean,
): void {
  const { origin } = headers;
  if (origin === undefined) {
    // Such as an image or a script of another page; a link may lead here, a form must not.
    const { 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers;
    const isLink = mode === 'navigate' && method !== 'POST';
    if ((site !== 'cross-site' && site !== 'same-site') || isLink) return;
  } else if (isAllowedOrigin(origin) || pageOf(headers, publicOrigin) === 'own') return;
  throw new GatewayError('forbidden', {
    detail:
      "This gateway asks for no credentials, so it takes no requests from pages of another origin. List the page's origin in CORS_ORIGINS; if the page is the gateway's own, set PUBLIC_URL to the address in the browser's address bar.",
  });
}

function foreignHost(): GatewayError {
  return new GatewayError('forbidden', {
    detail:
      'This gateway asks for no credentials, so it answers only as localhost, and the request has another name in Host. Set PUBLIC_URL to the address that callers use, have a proxy in front pass Host on, or set up keys (API_KEYS_FILE).',
  });
}
