import type { IRouter, RequestHandler } from 'express';
import swaggerUi from 'swagger-ui-express';
import type { ErrorCode } from '../../leads/errors.ts';
import type { Access } from '../authenticate.ts';
import { answer, answerJson, handOver, setField, writeHead } from '../respond.ts';
import type { BaseUrl } from '../base-url.ts';
import { docsFiles, docsPage, problemPage } from './pages.ts';
import { isProblemSlug } from '../problems/types.ts';
import { refuseUnknownPath, route } from '../route.ts';

/** Figures in a text format of this type. */
export type MetricsText = { readonly contentType: string; readonly text: () => Promise<string> };

type WriteDocument = (version: string, server: string) => unknown;

export type OpsDeps = {
  readonly access: Pick<Access, 'forMetrics' | 'needsCredentials'>;
  /** Why the gateway cannot serve, a sentence each; empty when it can. */
  readonly unreadiness: () => readonly string[];
  /** What the operator should see to although the gateway can serve, a sentence each. */
  readonly warnings?: () => readonly string[];
  /** Null: they are served elsewhere. */
  readonly metrics: MetricsText | null;
  /** Path → what writes the document that is served there, for a server at an address. */
  readonly documents: Readonly<Record<string, WriteDocument>>;
  readonly version: string;
  readonly sandbox: boolean;
  readonly baseUrl: BaseUrl;
  /** The path all of it is below as callers see it, or nothing. */
  readonly prefix: string;
};

/** Paths for whoever runs the gateway and for whoever reads about it (contract B, "Other paths"). */
export function serveOps(app: IRouter, deps: OpsDeps): void {
  const {
    access,
    unreadiness,
    warnings = () => [],
    metrics,
    documents,
    version,
    sandbox,
    baseUrl,
    prefix,
  } = deps;
  route(app, '/healthz', { GET: [neverStore, (_req, res) => answerJson(res, 200, { status: 'ok' })] });
  route(app, '/readyz', {
    GET: [
      neverStore,
      (_req, res) => {
        const reasons = unreadiness();
        const warned = warnings();
        const more = warned.length > 0 && { warnings: warned };
        if (reasons.length === 0) answerJson(res, 200, { status: 'ready', ...more });
        else answerJson(res, 503, { status: 'unready', reasons, ...more });
      },
    ],
  });
  if (metrics !== null) serveMetrics(app, metrics, [access.forMetrics]);
  for (const [path, write] of Object.entries(documents)) {
    route(app, path, { GET: [neverStore, serveDocument(write, version, baseUrl)] });
  }
  route(app, '/', {
    GET: [
      (_req, res) => {
        setField(res, 'Location', `${prefix}/docs`);
        setField(res, 'Content-Length', 0);
        writeHead(res, 302);
        res.end();
      },
    ],
  });
  route(app, '/docs', {
    GET: [always('text/html; charset=utf-8', docsPage({ sandbox, needsKey: access.needsCredentials }))],
  });
  for (const [file, serve] of Object.entries(docsFiles())) route(app, `/docs/${file}`, { GET: [serve] });
  route(app, '/docs/:file', {
    exists: ({ file }) => typeof file === 'string' && PUBLISHED.has(file),
    GET: [toFileServer, ...swaggerUi.serveWithOptions({ acceptRanges: false }), refuseUnknownPath],
  });
  route(app, '/problems/:slug', {
    exists: ({ slug }) => typeof slug === 'string' && isProblemSlug(slug),
    GET: [
      neverStore,
      (req, res) => {
        const { slug } = req.params;
        answer(res, 200, 'text/html; charset=utf-8', problemPage(slug as ErrorCode, baseUrl(req)));
      },
    ],
  });
}

/** @param guards decide who may read them */
export function serveMetrics(app: IRouter, metrics: MetricsText, guards: readonly RequestHandler[]): void {
  route(app, '/metrics', {
    GET: [
      neverStore,
      ...guards,
      async (_req, res) => answer(res, 200, metrics.contentType, await metrics.text()),
    ],
  });
}

/** Serves a description of the API, with the address in it at which the caller reaches it. */
function serveDocument(write: WriteDocument, version: string, baseUrl: BaseUrl): RequestHandler {
  let last = { server: '', text: '' };
  return (req, res) => {
    const server = baseUrl(req);
    // Nearly all callers use one address, and writing the document takes a millisecond.
    if (last.server !== server) last = { server, text: JSON.stringify(write(version, server)) };
    answer(res, 200, 'application/json; charset=utf-8', last.text);
  };
}

function always(contentType: string, body: string): RequestHandler {
  return (_req, res) => answer(res, 200, contentType, body);
}

/** For what is true just now, or names the address it was asked at: another caller may have used another. */
const neverStore: RequestHandler = (_req, res, next) => {
  setField(res, 'Cache-Control', 'no-store');
  next();
};

/** What the page needs of Swagger UI's folder; the rest of it is nobody's business. */
const PUBLISHED = new Set(['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']);

const toFileServer: RequestHandler = (req, res, next) => {
  handOver(res);
  // The file server looks for the whole path in its folder.
  req.url = `/${String(req.params['file'])}`;
  // It would answer a failed precondition with 412, which is no row of the error table.
  delete req.headers['if-match'];
  delete req.headers['if-unmodified-since'];
  next();
};
