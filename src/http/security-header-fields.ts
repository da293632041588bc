import helmet from 'helmet';
import type { IncomingMessage, ServerResponse } from 'node:http';

// The build replaces this module by its exports, so that no start loads helmet (docs/performance.md#start).

/**
 * The gateway's pages load everything from the gateway itself: no inline script or style, no other host. Swagger UI
 * embeds its icons as data: URIs.
 *
 * Two of helmet's defaults are off because the gateway speaks plain HTTP: `upgrade-insecure-requests` would send the
 * page's own requests to an https port that does not exist, and Strict-Transport-Security is up to the proxy that
 * terminates TLS.
 */
const setHeaders = helmet({
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
});

/** The headers helmet sets, which are the same for every response. */
function recorded(): readonly (readonly [name: string, value: string])[] {
  const headers: (readonly [string, string])[] = [];
  const recorder = {
    setHeader: (name: string, value: unknown) => headers.push([name, String(value)]),
    removeHeader: () => {},
  };
  setHeaders({} as IncomingMessage, recorder as unknown as ServerResponse, () => {});
  return headers;
}

export const SECURITY_HEADERS = recorded();
