import type { RequestHandler } from 'express';
import { answer } from '../answer.ts';
import type { BaseUrl } from '../base-url.ts';
import { buildOpenApi } from '../openapi.ts';
import type { Json } from './schemas.ts';
import { buildSwagger } from './swagger.ts';

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
