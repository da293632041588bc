import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { GatewayError } from '../leads/errors.ts';
import { findJsonSyntaxError } from '../text/json.ts';
import { isRepeated } from './repeated-header.ts';
import { onFinished } from './request-context.ts';

/** The memory that all request bodies may take together, from their arrival until the response has finished. */
export type BodyMemory = {
  /** Reserves memory until `res` is over; undefined if there is not enough left. */
  reserve(res: Response, bytes: number): Reservation | undefined;
};

export type Reservation = {
  /** Gives back what a body of unknown length did not need. */
  shrinkTo(bytes: number): void;
};

export function createBodyMemory(maxBytes: number): BodyMemory {
  let usedBytes = 0;
  return {
    reserve(res, bytes) {
      if (usedBytes + bytes > maxBytes) return undefined;
      let own = bytes;
      usedBytes += own;
      onFinished(res, () => {
        usedBytes -= own;
        own = 0;
      });
      return {
        shrinkTo(actual) {
          const freed = Math.max(0, own - actual);
          own -= freed;
          usedBytes -= freed;
        },
      };
    },
  };
}

const RETRY_AFTER_SECONDS = 1;

function outOfMemory(): GatewayError {
  return new GatewayError('unavailable', {
    detail:
      'The gateway is holding as many request bodies as fit in its memory, so the lead was not sent. Send it again after the time in Retry-After.',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

/** 1 MiB, counted after decompression (docs/rest-api.md#request-body). */
const MAX_BODY_BYTES = 1_048_576;

/** Fatal, so that invalid UTF-8 is refused and not replaced; drops a leading byte order mark. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

const readAnyBytes = express.raw({ type: () => true, limit: MAX_BODY_BYTES });

/**
 * Parses the body as JSON into `req.body`. Fails with `unsupported-media-type`, `body-too-large`, `malformed-json`, or
 * `unavailable` if there is no memory left for it.
 */
export function readJsonBody(bodyMemory: BodyMemory): RequestHandler {
  return (req, res, next) => {
    // Without content no type is needed: the problem then is that the body is missing.
    if (hasContent(req.headers) || req.headers['content-type'] !== undefined) requireJson(req);
    const length = isPlain(req.headers) ? Number(req.headers['content-length']) : MAX_BODY_BYTES;
    const reservation = bodyMemory.reserve(res, length);
    if (reservation === undefined) {
      discardBody(req, () => next(outOfMemory()));
      return;
    }
    if (isPlain(req.headers)) {
      readPlain(req, (bytes) => parseInto(req, bytes, next));
      return;
    }
    readAnyBytes(req, res, (error?: unknown) => {
      const bytes = error === undefined ? (req.body as Buffer | undefined) : undefined;
      reservation.shrinkTo(bytes?.length ?? 0);
      if (error === undefined) parseInto(req, bytes, next);
      else next(toGatewayError(error));
    });
  };
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = new RegExp(`;[ \\t]*(?:(${TOKEN})=(?:(${TOKEN})|"((?:[^"\\\\]|\\\\.)*)"))?[ \\t]*`, 'gy');
const UTF_8 = new Set(['utf-8', 'utf8']);

/**
 * Refuses a body whose Content-Type (RFC 9110, 8.3.1) is not JSON in UTF-8. Parameters other than charset are ignored,
 * since RFC 8259, 11, gives them no meaning.
 */
function requireJson({ headers, rawHeaders }: IncomingMessage): void {
  const contentType = headers['content-type'];
  // Node drops the second; something in front of the gateway may have gone by that one.
  if (isRepeated(rawHeaders, 'content-type')) throw unsupported('The request has two Content-Types');
  if (contentType === 'application/json') return;
  if (contentType === undefined) throw unsupported('The request has no Content-Type');
  const [mediaType = ''] = contentType.split(';', 1);
  const charset = charsetOf(contentType.slice(mediaType.length));
  if (mediaType.trim().toLowerCase() !== 'application/json' || charset === 'unreadable') {
    throw unsupported(`The Content-Type is ${shorten(contentType)}`);
  }
  if (charset !== undefined && !UTF_8.has(charset)) throw unsupported(`The charset is ${shorten(charset)}`);
}

/** The charset in lower case; undefined if there is none, `unreadable` if the parameters are malformed. */
function charsetOf(parameters: string): string | undefined {
  let charset: string | undefined;
  let end = 0;
  for (const [all, name, token, quoted] of parameters.matchAll(PARAMETER)) {
    end += all.length;
    if (name?.toLowerCase() !== 'charset') continue;
    charset ??= (token ?? quoted?.replaceAll(/\\(.)/g, '$1') ?? '').toLowerCase();
  }
  return end === parameters.length ? charset : 'unreadable';
}

function unsupported(what: string): GatewayError {
  return new GatewayError('unsupported-media-type', {
    detail: `${what}; send Content-Type: application/json, in UTF-8.`,
  });
}

function shorten(value: string): string {
  return value.length > 100 ? `${value.slice(0, 100)}…` : value;
}

/** Lets the body pass before its request is refused: a client that is still sending would not read the response. */
function discardBody(req: Request, refuse: () => void): void {
  let size = 0;
  const discard = (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) return;
    req.off('data', discard).off('end', refuse).pause();
    refuse();
  };
  req.on('data', discard).once('end', refuse);
}

function parseInto(req: Request, bytes: Buffer | undefined, next: (failure?: unknown) => void): void {
  try {
    req.body = parseJson(bytes);
  } catch (failure) {
    next(failure);
    return;
  }
  next();
}

/** Whether the body is uncompressed and states a length within the limit, which Node then enforces. */
function isPlain(headers: IncomingHttpHeaders): boolean {
  const { 'content-length': length, 'content-encoding': encoding, 'transfer-encoding': transfer } = headers;
  return (
    encoding === undefined &&
    transfer === undefined &&
    length !== undefined &&
    Number(length) > 0 &&
    Number(length) <= MAX_BODY_BYTES
  );
}

/**
 * Reads a plain body without body-parser (docs/performance.md#the-hot-path). If the client disconnects, `done` is never
 * called: no one is left to answer.
 */
function readPlain(req: Request, done: (bytes: Buffer) => void): void {
  const chunks: Buffer[] = [];
  req.on('data', (chunk: Buffer) => void chunks.push(chunk));
  req.once('end', () => {
    const [only = Buffer.alloc(0)] = chunks;
    done(chunks.length === 1 ? only : Buffer.concat(chunks));
  });
}

/** Whether the request has content (RFC 9112, 6.3): it is chunked or has a length above 0. */
function hasContent(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

function parseJson(bytes: Buffer | undefined): unknown {
  const text = decode(bytes ?? new Uint8Array());
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(describeSyntaxError(text));
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw malformed('The body is not valid UTF-8; encode the text as UTF-8.');
  }
}

function describeSyntaxError(text: string): string {
  if (text.trim() === '') return 'The body is empty; send the lead as a JSON object.';
  const error = findJsonSyntaxError(text);
  if (error === undefined) return 'The body is not JSON.';
  return `Line ${error.line}, column ${error.column}: ${error.complaint}.`;
}

function malformed(detail: string): GatewayError {
  return new GatewayError('malformed-json', { detail });
}

/** Body-parser's own errors have a `type`. Those of zlib have none, and body-parser gives them the status 400. */
function toGatewayError(error: unknown): unknown {
  const { type, status } = error as { type?: unknown; status?: unknown };
  if (type === 'entity.too.large') {
    return new GatewayError('body-too-large', {
      detail: `The body has more than ${MAX_BODY_BYTES} bytes; send one lead, without files.`,
    });
  }
  if (type === 'encoding.unsupported') {
    return new GatewayError('unsupported-media-type', {
      detail: 'The Content-Encoding is not supported; send gzip, deflate, br or none.',
    });
  }
  if (type === 'request.aborted') return malformed('The body ended before it was complete.');
  if (status === 400) return malformed('The body cannot be decompressed as its Content-Encoding says.');
  return error;
}
