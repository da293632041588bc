import type { Response } from 'express';
import type { CallTiming } from '../leads/lead.ts';
import { contextOf } from './request-context.ts';

/**
 * Headers are collected in the request context and written at once, which is faster than setting each on the response
 * (docs/performance.md#the-hot-path). A name must always be spelt the same.
 */
export function setHeader(res: Response, name: string, value: string | number): void {
  const { responseHeaders } = contextOf(res);
  for (let at = 0; at < responseHeaders.length; at += 2) {
    if (responseHeaders[at] === name) {
      responseHeaders[at + 1] = value;
      return;
    }
  }
  responseHeaders.push(name, value);
}

/** Adds names of request headers that the response depends on (RFC 9110, 12.5.5). */
export function addVary(res: Response, names: string): void {
  const { responseHeaders } = contextOf(res);
  const at = responseHeaders.indexOf('Vary');
  if (at < 0) responseHeaders.push('Vary', names);
  else responseHeaders[at + 1] = `${responseHeaders[at + 1]}, ${names}`;
}

export function hasHeader(res: Response, name: string): boolean {
  const { responseHeaders } = contextOf(res);
  return responseHeaders.some((field, at) => at % 2 === 0 && field === name);
}

/** Writes the status line and all headers that were collected. */
function writeHead(res: Response, status: number): void {
  const { responseHeaders, showsTiming, timing } = contextOf(res);
  if (showsTiming)
    responseHeaders.push('Server-Timing', timing === undefined ? NO_TIME : serverTiming(timing));
  res.writeHead(status, responseHeaders);
}

/** Sets the collected headers on the response, for a middleware that writes it by itself. */
export function applyHeaders(res: Response): void {
  const { responseHeaders } = contextOf(res);
  for (let at = 0; at < responseHeaders.length; at += 2) {
    res.setHeader(String(responseHeaders[at]), responseHeaders[at + 1] ?? '');
  }
}

/** Ends the response without a body. */
export function respondEmpty(res: Response, status: number): void {
  writeHead(res, status);
  res.end();
}

/**
 * Ends the response with a body. Node leaves the body out for HEAD, so the length is counted here. Express's own `send`
 * would compute an ETag and change the content type of problems.
 */
export function respond(res: Response, status: number, contentType: string, body: string | Buffer): void {
  setHeader(res, 'Content-Type', contentType);
  setHeader(res, 'Content-Length', Buffer.byteLength(body));
  writeHead(res, status);
  res.end(body);
}

/** Begins a response whose body is written piece by piece; its length is not known. */
export function respondStream(res: Response, status: number, contentType: string): void {
  setHeader(res, 'Content-Type', contentType);
  writeHead(res, status);
}

export function respondJson(res: Response, status: number, body: unknown): void {
  const { answer } = contextOf(res);
  if (answer !== undefined) {
    answer(res, status, undefined);
    return;
  }
  respond(res, status, 'application/json; charset=utf-8', JSON.stringify(body));
}

/** Server Timing (W3C), in ms. */
function serverTiming({ waitMs, upstreamMs }: Pick<CallTiming, 'waitMs' | 'upstreamMs'>): string {
  return `wait;dur=${roundMs(waitMs)}, upstream;dur=${roundMs(upstreamMs)}`;
}

/** Of a lead that was refused before it was sent. */
const NO_TIME = serverTiming({ waitMs: 0, upstreamMs: 0 });

/** Rounds to a tenth of a millisecond. */
export function roundMs(ms: number): number {
  return Math.round(ms * 10) / 10;
}
