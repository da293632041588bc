import type { IRouter, RequestHandler } from 'express';
import Negotiator from 'negotiator';
import { addVary, respondJson } from '../respond.ts';
import { route } from '../route.ts';
import { neverStore, SCRIPT, serveFile, STYLE } from './files.ts';
import type { StatusReport } from './status-schema.ts';

const FOLDER = new URL('../../../assets/status/', import.meta.url);
/** The page's own files, and what it shares with the sandbox's page. */
const FILES: Readonly<Record<string, { readonly file?: string; readonly type: string }>> = {
  'base.css': { file: '../pages/base.css', type: STYLE },
  'parts.js': { file: '../pages/parts.js', type: SCRIPT },
  'page.css': { type: STYLE },
  'page.js': { type: SCRIPT },
  'outbox.js': { type: SCRIPT },
  'requests.js': { type: SCRIPT },
};

const JSON_TYPE = 'application/json';
const HTML_TYPE = 'text/html';

export type StatusDeps = {
  readonly report: () => Promise<StatusReport>;
  /** Checks who may read it. */
  readonly guard: RequestHandler;
};

/**
 * `GET /status` as JSON, or as a page that fetches the JSON every few seconds with the key of its reader: the page itself
 * holds nothing to guard (docs/operations.md#the-status-page).
 */
export function serveStatus(app: IRouter, { report, guard }: StatusDeps): void {
  const page = serveFile(new URL('index.html', FOLDER), 'text/html; charset=utf-8');
  const json: RequestHandler = async (_req, res) => respondJson(res, 200, await report());
  route(app, '/status', {
    GET: [
      neverStore,
      (req, res, next) => {
        addVary(res, 'Accept');
        if (wantsPage(req.headers.accept)) page(req, res, next);
        else next();
      },
      guard,
      json,
    ],
  });
  for (const [name, { file = name, type }] of Object.entries(FILES)) {
    route(app, `/status/${name}`, { GET: [serveFile(new URL(file, FOLDER), type)] });
  }
}

/** Browsers ask for HTML by name; programs do not. */
function wantsPage(accept: string | undefined): boolean {
  if (accept === undefined) return false;
  return new Negotiator({ headers: { accept } }).mediaType([JSON_TYPE, HTML_TYPE]) === HTML_TYPE;
}
