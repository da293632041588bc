import type { Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';
import { contextOf } from './request-context.ts';

/**
 * Everything a page of ours needs comes from the gateway itself: no inline script or style, no other host. Swagger
 * UI embeds its icons as data: URIs.
 *
 * Two of helmet's defaults are off because the gateway speaks plain HTTP: `upgrade-insecure-requests` would turn the
 * page's own requests into https ones that nobody answers, and Strict-Transport-Security is for whoever terminates
 * TLS to decide.
 */
export function securityHeaders(): RequestHandler {
  const headers = whatItSets(
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
      // For browsers that do not know frame-ancestors.
      xFrameOptions: { action: 'deny' },
    }),
  );
  return (_req, res, next) => {
    contextOf(res).head.push(...headers);
    next();
  };
}

/**
 * The headers a middleware sets on every response, name and value by turns, asked for once: they never change, and
 * helmet's fourteen functions take longer to go through than the headers to set.
 */
function whatItSets(middleware: RequestHandler): readonly string[] {
  const headers: string[] = [];
  const recorder = {
    setHeader: (name: string, value: unknown) => headers.push(name, String(value)),
    removeHeader: () => {},
  };
  middleware({} as Request, recorder as unknown as Response, () => {});
  return headers;
}
