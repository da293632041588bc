import { readFileSync } from 'node:fs';
import type { RequestHandler } from 'express';
import { answer } from './answer.ts';

const FOLDER = new URL('../../docs-page/', import.meta.url);

const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

/** Our own files of the documentation page, beside Swagger UI's. */
const FILES = {
  'page.css': STYLE,
  'colours.css': STYLE,
  'layout.css': STYLE,
  'code-samples.css': STYLE,
  'start.js': SCRIPT,
  'layout.js': SCRIPT,
  'page-spec.js': SCRIPT,
  'code-samples.js': SCRIPT,
  'request.js': SCRIPT,
  'samples.js': SCRIPT,
};

/** Name → what serves it. Read when first asked for: most gateways in tests never show the page. */
export function docsFiles(): Readonly<Record<string, RequestHandler>> {
  return Object.fromEntries(Object.entries(FILES).map(([file, type]) => [file, serve(file, type)]));
}

function serve(file: string, type: string): RequestHandler {
  let text: string | undefined;
  return (_req, res) => {
    text ??= readFileSync(new URL(file, FOLDER), 'utf8');
    answer(res, 200, type, text);
  };
}
