import type { Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import { contextOf } from './request-context.ts';

/**
 * The gateway's pages load everything from the gateway itself: no inline script or style, no other host. Swagger UI
 * embeds its icons as data: URIs.
 *
 * Two of helmet's defaults are off because the gateway speaks plain HTTP: `upgrade-insecure-requests` would send the
 * page's own requests to an https port that does not exist, and Strict-Transport-Security is up to the proxy that
 * terminates TLS.
 */
export function securityHeaders(): RequestHandler {
  const headers = headersSetBy(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          scriptSrc: ["'self'"],
          styleSrc: ["'self'"],
          imgSrc: ["'self'", 'data:'],
          connectSrc: ["'self'"],
          baseUri: ["'none'"],
          formAction: ["'none'"],
          frameAncestors: ["'none'"],
        },
      },
      strictTransportSecurity: false,
      // For browsers without frame-ancestors.
      xFrameOptions: { action: 'deny' },
    }),
  );
  return (_req, res, next) => {
    contextOf(res).responseHeaders.push(...headers);
    next();
  };
}

/**
 * The headers a middleware sets, name before value. Recorded once, because they are the same for every response, and
 * running helmet's fourteen functions costs more than the headers.
 */
function headersSetBy(middleware: RequestHandler): readonly string[] {
  const headers: string[] = [];
  const recorder = {
    setHeader: (name: string, value: unknown) => headers.push(name, String(value)),
    removeHeader: () => {},
  };
  middleware({} as Request, recorder as unknown as Response, () => {});
  return headers;
}
