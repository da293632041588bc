import type { Request, RequestHandler } from 'express';
import { answer } from '../respond.ts';
import { buildOpenApi } from '../../openapi/document.ts';
import type { Json } from '../../openapi/schemas.ts';
import { buildSwagger } from '../../openapi/swagger-2.ts';

/** Where the caller of a request reaches the gateway: an absolute URL without a slash at the end. */
export type BaseUrl = (req: Request) => string;

/**
 * @param publicUrl what the operator says it is; when left out, the address the request was sent to. X-Forwarded-Proto
 *   and X-Forwarded-Host count when the proxy is trusted. A host or protocol that is none is not repeated
 * @param listensAt the address the server listens on, for requests that name none
 */
export function createBaseUrl(publicUrl: string | undefined, listensAt: () => string): BaseUrl {
  if (publicUrl !== undefined) return () => publicUrl;
  return (req) => requestedUrl(req) ?? listensAt();
}

/** The path all of it is below, as callers see it; empty when there is none. */
export function prefixOf(publicUrl: string | undefined): string {
  return publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/+$/, '');
}

/** Whether a text is a host with or without a port: letters, digits, dots and hyphens, or an IPv6 address in brackets. */
export function isHostAndPort(text: string): boolean {
  return /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(text);
}

function requestedUrl(req: Request): string | undefined {
  // oxlint-disable-next-line typescript/no-unnecessary-condition -- HTTP/1.0 requests have no Host
  const host: string = req.host ?? '';
  const protocol = req.protocol.toLowerCase();
  const url = `${protocol}://${host}`;
  return /^https?$/.test(protocol) && isHostAndPort(host) && URL.canParse(url) ? url : undefined;
}

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
  baseUrl: BaseUrl,
): RequestHandler {
  const write = DOCUMENTS[path];
  if (write === undefined) throw new Error(`no document is served at ${path}`);
  let last = { server: '', text: '' };
  return (req, res) => {
    const server = baseUrl(req);
    // Nearly all ask through one address, and the document is worth a millisecond.
    if (last.server !== server) last = { server, text: JSON.stringify(write(version, server)) };
    answer(res, 200, 'application/json; charset=utf-8', last.text);
  };
}
