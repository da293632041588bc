import type { IRouter, RequestHandler } from 'express';
import type { ErrorCode } from '../../leads/errors.ts';
import type { Access } from '../authenticate.ts';
import { addVary, applyHeaders, respond, respondEmpty, respondJson, setHeader } from '../respond.ts';
import type { BaseUrl } from '../base-url.ts';
import { neverStore } from './files.ts';
import { serveClient } from './client-module.ts';
import { docsFiles, docsPage, problemPage } from './pages.ts';
import { serveStatus } from './status.ts';
import type { StatusReport } from './status-schema.ts';
import { isProblemSlug } from '../problems/types.ts';
import { refuseUnknownPath, route } from '../route.ts';

/** Metrics as text of this type. */
export type MetricsText = { readonly contentType: string; readonly text: () => Promise<string> };

/** Where the API descriptions are served. */
const DOCUMENT_PATHS = ['/openapi.json', '/openapi-3.0.json', '/swagger.json'] as const;

export type DocumentPath = (typeof DOCUMENT_PATHS)[number];

/** Builds the API description served at a path; the result writes its text for a gateway at an address. */
type PrepareDocument = (path: DocumentPath, version: string) => Promise<(server: string) => string>;

export type OpsDeps = {
  readonly access: Pick<Access, 'forMetrics' | 'needsCredentials'>;
  /** Why the gateway cannot serve, one sentence each; empty if it can. */
  readonly unreadiness: () => readonly string[];
  /** What the operator should look at although the gateway can serve, one sentence each. */
  readonly warnings?: () => readonly string[];
  /** Null or left out: it is not served. */
  readonly status?: (() => Promise<StatusReport>) | null;
  /** Null: served on a port of their own. */
  readonly metrics: MetricsText | null;
  readonly prepareDocument: PrepareDocument;
  readonly version: string;
  readonly sandbox: boolean;
  readonly baseUrl: BaseUrl;
  /** The path prefix of the public URL; may be empty. */
  readonly prefix: string;
};

/** Health, metrics and documentation (docs/rest-api.md#other-paths). */
export function serveOps(app: IRouter, deps: OpsDeps): void {
  const {
    access,
    unreadiness,
    warnings = () => [],
    status = null,
    metrics,
    prepareDocument,
    version,
    sandbox,
    baseUrl,
    prefix,
  } = deps;
  serveHealth(app, { unreadiness, warnings });
  if (status !== null) serveStatus(app, { report: status, guard: access.forMetrics });
  if (metrics !== null) serveMetrics(app, metrics, [access.forMetrics]);
  for (const path of DOCUMENT_PATHS) {
    const prepare = () => prepareDocument(path, version);
    route(app, path, { GET: [neverStore, variesByAddress, serveDocument(prepare, baseUrl)] });
  }
  route(app, '/', {
    GET: [
      (_req, res) => {
        setHeader(res, 'Location', `${prefix}/docs`);
        setHeader(res, 'Content-Length', 0);
        respondEmpty(res, 302);
      },
    ],
  });
  route(app, '/docs', {
    GET: [always('text/html; charset=utf-8', docsPage({ sandbox, needsKey: access.needsCredentials }))],
  });
  for (const [file, serve] of Object.entries(docsFiles())) route(app, `/docs/${file}`, { GET: [serve] });
  route(app, '/docs/:file', {
    exists: ({ file }) => typeof file === 'string' && PUBLISHED.has(file),
    GET: [toFileServer, createFileServer(), refuseUnknownPath],
  });
  serveClient(app);
  route(app, '/problems/:slug', {
    exists: ({ slug }) => typeof slug === 'string' && isProblemSlug(slug),
    GET: [
      neverStore,
      variesByAddress,
      (req, res) => {
        const { slug } = req.params;
        respond(res, 200, 'text/html; charset=utf-8', problemPage(slug as ErrorCode, baseUrl(req)));
      },
    ],
  });
}

function serveHealth(
  app: IRouter,
  { unreadiness, warnings }: Required<Pick<OpsDeps, 'unreadiness' | 'warnings'>>,
): void {
  route(app, '/healthz', { GET: [neverStore, (_req, res) => respondJson(res, 200, { status: 'ok' })] });
  route(app, '/readyz', {
    GET: [
      neverStore,
      (_req, res) => {
        const reasons = unreadiness();
        const warned = warnings();
        const more = warned.length > 0 && { warnings: warned };
        if (reasons.length === 0) respondJson(res, 200, { status: 'ready', ...more });
        else respondJson(res, 503, { status: 'unready', reasons, ...more });
      },
    ],
  });
}

/** @param guards check who may read them */
export function serveMetrics(app: IRouter, metrics: MetricsText, guards: readonly RequestHandler[]): void {
  route(app, '/metrics', {
    GET: [
      neverStore,
      ...guards,
      async (_req, res) => respond(res, 200, metrics.contentType, await metrics.text()),
    ],
  });
}

/** Serves a description of the API, with the address in it at which the caller reaches it. */
function serveDocument(prepare: () => Promise<(server: string) => string>, baseUrl: BaseUrl): RequestHandler {
  let written: Promise<(server: string) => string> | undefined;
  return async (req, res) => {
    written ??= prepare();
    respond(res, 200, 'application/json; charset=utf-8', (await written)(baseUrl(req)));
  };
}

function always(contentType: string, body: string): RequestHandler {
  return (_req, res) => respond(res, 200, contentType, body);
}

/** For caches that store in spite of that: what the address is taken from, besides the URL (base-url.ts). */
const variesByAddress: RequestHandler = (_req, res, next) => {
  addVary(res, 'X-Forwarded-Host, X-Forwarded-Proto');
  next();
};

/** The files of Swagger UI that the page needs; no others are published. */
const PUBLISHED = new Set(['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']);

const toFileServer: RequestHandler = (req, res, next) => {
  applyHeaders(res);
  // The file server looks up the whole path in its folder.
  req.url = `/${String(req.params['file'])}`;
  // It would answer a failed precondition with 412, which is not one of the problems.
  delete req.headers['if-match'];
  delete req.headers['if-unmodified-since'];
  next();
};

/** Serves the files of Swagger UI, which the first request loads (docs/performance.md#start). */
function createFileServer(): RequestHandler {
  let server: Promise<RequestHandler | undefined> | undefined;
  return async (req, res, next) => (await (server ??= loadFileServer()))?.(req, res, next);
}

async function loadFileServer(): Promise<RequestHandler | undefined> {
  const { default: swaggerUi } = await import('swagger-ui-express');
  // The one before it answers a file that is not published.
  return swaggerUi.serveWithOptions({ acceptRanges: false }).at(-1);
}
