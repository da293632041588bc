import type { Response } from 'express';
import { contextOf } from './request-context.ts';

/**
 * Header fields of the answer to come, name and value by turns. They are gathered, and written all at once: setting each
 * of them on the response takes Node twice as long. One spelling for each name.
 */
export type HeadFields = (string | number)[];

/** Sets a field of the answer, in place of one of the same name. */
export function setField(res: Response, name: string, value: string | number): void {
  const { head } = contextOf(res);
  for (let at = 0; at < head.length; at += 2) {
    if (head[at] === name) {
      head[at + 1] = value;
      return;
    }
  }
  head.push(name, value);
}

/** Adds the names of request headers the answer depends on (RFC 9110, 12.5.5). */
export function addVary(res: Response, names: string): void {
  const { head } = contextOf(res);
  const at = head.indexOf('Vary');
  if (at < 0) head.push('Vary', names);
  else head[at + 1] = `${head[at + 1]}, ${names}`;
}

export function hasField(res: Response, name: string): boolean {
  const { head } = contextOf(res);
  return head.some((field, at) => at % 2 === 0 && field === name);
}

/** Writes the head of the answer with all that was gathered. */
export function writeHead(res: Response, status: number): void {
  res.writeHead(status, contextOf(res).head);
}

/** Hands what was gathered on to the response, for somebody else's middleware to answer. */
export function handOver(res: Response): void {
  const { head } = contextOf(res);
  for (let at = 0; at < head.length; at += 2) res.setHeader(String(head[at]), head[at + 1] ?? '');
}

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
