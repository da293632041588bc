import { readFileSync } from 'node:fs';
import type { RequestHandler } from 'express';
import { respond, setHeader } from '../respond.ts';

export const SCRIPT = 'text/javascript; charset=utf-8';
export const STYLE = 'text/css; charset=utf-8';

/** Serves a text file of the package, which is read when it is first requested. */
export function serveFile(file: URL, type: string): RequestHandler {
  let text: string | undefined;
  return (_req, res) => {
    text ??= readFileSync(file, 'utf8');
    respond(res, 200, type, text);
  };
}

/** For what changes with time, or contains the address the caller used, which differs between callers. */
export const neverStore: RequestHandler = (_req, res, next) => {
  setHeader(res, 'Cache-Control', 'no-store');
  next();
};
