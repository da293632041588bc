import type { Request, RequestHandler } from 'express';
import { answer } from '../answer.ts';
import { buildOpenApi } from '../openapi.ts';
import type { Json } from './schemas.ts';
import { EXAMPLE_SERVER, buildSwagger } from './swagger.ts';

/** The paths the documents are served at, and how each is written for a server. */
export const DOCUMENTS: Readonly<Record<string, (version: string, server?: string) => Json>> = {
  '/openapi.json': (version, server) => buildOpenApi(version, { server }),
  '/openapi-3.0.json': (version, server) => buildOpenApi(version, { edition: '3.0', server }),
  '/swagger.json': (version, server) => buildSwagger(version, { server }),
};

/** Serves one of the documents, with the address of the API in it as the caller reaches it. */
export function serveDocument(
  path: keyof typeof DOCUMENTS,
  version: string,
  publicUrl: string | undefined,
): RequestHandler {
  const write = DOCUMENTS[path];
  if (write === undefined) throw new Error(`no document is served at ${path}`);
  let last = { server: '', text: '' };
  return (req, res) => {
    const server = publicUrl ?? requestedServer(req);
    // Nearly all ask through one address, and the document is worth a millisecond.
    if (last.server !== server) last = { server, text: JSON.stringify(write(version, server)) };
    answer(res, 200, 'application/json; charset=utf-8', last.text);
  };
}

/** Letters, digits, dots and hyphens, or an IPv6 address in brackets; and a port. */
const HOST = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;

/**
 * The address the request was sent to; X-Forwarded-Proto and X-Forwarded-Host count when the proxy is trusted. A host
 * or protocol that is none is not repeated.
 */
function requestedServer(req: Request): string {
  // oxlint-disable-next-line typescript/no-unnecessary-condition -- HTTP/1.0 requests have no Host
  const host: string = req.host ?? '';
  const server = `${req.protocol}://${host}`;
  const isReachable = /^https?$/.test(req.protocol) && HOST.test(host) && URL.canParse(server);
  return isReachable ? server : EXAMPLE_SERVER;
}
