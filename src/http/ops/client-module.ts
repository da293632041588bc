import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import type { IRouter, RequestHandler } from 'express';
import Negotiator from 'negotiator';
import { isNotModified } from '../not-modified.ts';
import { addVary, respondEmpty, respond, setHeader } from '../respond.ts';
import { route } from '../route.ts';

/** Where the build puts the browser client and its types. */
const FOLDER = new URL('../../../dist/client/', import.meta.url);

/** Long enough for a visit; afterwards the ETag tells whether there is a new one. */
const CACHE_CONTROL = 'public, max-age=3600';

/** Path → file and media type. */
const FILES = {
  '/client.js': ['client.js', 'text/javascript; charset=utf-8'],
  '/client.d.ts': ['client.d.ts', 'text/plain; charset=utf-8'],
} as const;

/** Serves the browser client to pages of every origin (docs/browser-client.md#load-it). */
export function serveClient(app: IRouter): void {
  for (const [path, [file, type]] of Object.entries(FILES)) {
    route(app, path, { GET: [serveAnywhere(file, type)] });
  }
}

type Form = { readonly body: string | Buffer; readonly etag: string; readonly encoding: string | undefined };

/** A file is read when it is first requested. */
function serveAnywhere(file: string, type: string): RequestHandler {
  let forms: { readonly plain: Form; readonly compressed: Form } | undefined;
  return (req, res) => {
    forms ??= formsOf(readFileSync(new URL(file, FOLDER)));
    const accepted = new Negotiator(req).encodings(['gzip', 'identity']);
    const { body, etag, encoding } = accepted[0] === 'gzip' ? forms.compressed : forms.plain;
    // A module of another origin is requested with CORS; it holds no secret.
    setHeader(res, 'Access-Control-Allow-Origin', '*');
    setHeader(res, 'Cross-Origin-Resource-Policy', 'cross-origin');
    setHeader(res, 'Cache-Control', CACHE_CONTROL);
    setHeader(res, 'ETag', etag);
    addVary(res, 'Accept-Encoding');
    if (isNotModified(req, etag)) {
      respondEmpty(res, 304);
      return;
    }
    if (encoding !== undefined) setHeader(res, 'Content-Encoding', encoding);
    respond(res, 200, type, body);
  };
}

function formsOf(text: Buffer) {
  const hash = createHash('sha256').update(text).digest('base64url').slice(0, 22);
  return {
    plain: { body: text.toString(), etag: `"${hash}"`, encoding: undefined },
    compressed: { body: gzipSync(text, { level: 9 }), etag: `"${hash}-gzip"`, encoding: 'gzip' },
  };
}
