import type { ServerResponse } from 'node:http';

/**
 * Ends the response with a body of a known type. Headers set before stay; Node leaves the body out for HEAD, and so
 * cannot count its length then. Express's own `send` would look for an ETag and rewrite the content type of problems.
 */
export function answer(res: ServerResponse, status: number, contentType: string, body: string): void {
  res.statusCode = status;
  res.setHeader('Content-Type', contentType);
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.end(body);
}

export function answerJson(res: ServerResponse, status: number, body: unknown): void {
  answer(res, status, 'application/json; charset=utf-8', JSON.stringify(body));
}
