import type { IRouter, Request, RequestHandler } from 'express';

/** Where the caller of a request reaches the gateway: an absolute URL without a slash at the end. */
export type BaseUrl = (req: Request) => string;

/**
 * @param publicUrl the operator's PUBLIC_URL; when left out, the address the request was sent to. X-Forwarded-Proto and
 *   X-Forwarded-Host count when the proxy is trusted. A host or protocol that is not valid is never repeated
 * @param listensAt the address the server listens on, for requests without a Host
 */
export function createBaseUrl(publicUrl: string | undefined, listensAt: () => string): BaseUrl {
  if (publicUrl !== undefined) return () => publicUrl;
  return (req) => requestedUrl(req) ?? listensAt();
}

/** A name has at most 253 characters (RFC 1035, 2.3.4); with an address of 15,000 a document would have megabytes. */
const MAX_LENGTH = 261;

/** Whether a text is a host with or without a port: letters, digits, dots and hyphens, or an IPv6 address in brackets. */
export function isHostAndPort(text: string): boolean {
  return text.length <= MAX_LENGTH && /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(text);
}

function requestedUrl(req: Request): string | undefined {
  // oxlint-disable-next-line typescript/no-unnecessary-condition -- HTTP/1.0 requests have no Host
  const host: string = req.host ?? '';
  const protocol = req.protocol.toLowerCase();
  const url = `${protocol}://${host}`;
  return /^https?$/.test(protocol) && isHostAndPort(host) && URL.canParse(url) ? url : undefined;
}

/** The path that callers put in front of every path (docs/operations.md#a-path-prefix); empty without one. */
export function prefixOf(publicUrl: string | undefined): string {
  return publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/+$/, '');
}

/**
 * Serves paths below the prefix, for proxies that do not remove it. It comes after the plain paths: the prefix may have
 * the name of one of them.
 */
export function belowPrefix(prefix: string, routes: IRouter): RequestHandler {
  return (req, res, next) => {
    const path = req.url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '');
    const below = path.startsWith(prefix) ? path.slice(prefix.length) : 'elsewhere';
    if (!/^(?:[/?]|$)/.test(below)) {
      next();
      return;
    }
    req.url = below.startsWith('/') ? below : `/${below}`;
    routes(req, res, next);
  };
}
