import type { Response } from 'express';
import { setField, writeHead } from './head.ts';

/**
 * Ends the response with a body of a known type. Headers set before stay; Node leaves the body out for HEAD, and so
 * cannot count its length then. Express's own `send` would look for an ETag and rewrite the content type of problems.
 */
export function answer(res: Response, status: number, contentType: string, body: string): void {
  setField(res, 'Content-Type', contentType);
  setField(res, 'Content-Length', Buffer.byteLength(body));
  writeHead(res, status);
  res.end(body);
}

export function answerJson(res: Response, status: number, body: unknown): void {
  answer(res, status, 'application/json; charset=utf-8', JSON.stringify(body));
}
