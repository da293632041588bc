import type { IncomingHttpHeaders } from 'node:http';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { GatewayError } from '../leads/errors.ts';
import { onFinished } from './request-context.ts';
import { findJsonSyntaxError } from '../text/json.ts';
import { requireJson } from './media-type.ts';

/** The part of the memory that the bodies of requests may take, from their coming until the answer is out. */
export type BodyMemory = {
  /**
   * Takes so many bytes until `res` is over; undefined when there are not as many left: ten thousand leads of usual size
   * fit, as many of a mebibyte each would end the process.
   */
  hold(res: Response, bytes: number): Held | undefined;
};

export type Held = {
  /** What it was in the end, where that was not known before. */
  shrinkTo(bytes: number): void;
};

const RETRY_AFTER_SECONDS = 1;

export function createBodyMemory(maxBytes: number): BodyMemory {
  let heldBytes = 0;
  return {
    hold(res, bytes) {
      if (heldBytes + bytes > maxBytes) return undefined;
      let own = bytes;
      heldBytes += own;
      onFinished(res, () => {
        heldBytes -= own;
        own = 0;
      });
      return {
        shrinkTo(actual) {
          const freed = Math.max(0, own - actual);
          own -= freed;
          heldBytes -= freed;
        },
      };
    },
  };
}

/** What to tell whose body there is no memory for. */
function noMemoryLeft(): GatewayError {
  return new GatewayError('unavailable', {
    detail:
      'The gateway holds as many large requests as it has memory for, so the lead was not sent. Send it again after the time in Retry-After.',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

/** 1 MiB, counted after decompression (contract B). */
const MAX_BODY_BYTES = 1_048_576;

/** Fatal, so that bytes that are no UTF-8 are refused instead of replaced; drops a leading byte order mark. */
const utf8 = new TextDecoder('utf-8', { fatal: true });

const readAnyBytes = express.raw({ type: () => true, limit: MAX_BODY_BYTES });

/**
 * Reads the body as JSON into `req.body`, or fails with `unsupported-media-type`, `body-too-large`, `malformed-json`, or
 * with `unavailable` when there is no memory left for it.
 */
export function readJsonBody(bodies: BodyMemory): RequestHandler {
  return (req, res, next) => {
    // Without content there is no type to announce: what is missing then is the body.
    if (hasContent(req.headers) || req.headers['content-type'] !== undefined) requireJson(req.headers);
    const length = isPlain(req.headers) ? Number(req.headers['content-length']) : MAX_BODY_BYTES;
    const held = bodies.hold(res, length);
    if (held === undefined) {
      refuseUnread(req, () => next(noMemoryLeft()));
      return;
    }
    if (isPlain(req.headers)) {
      readPlain(req, (bytes) => parseInto(req, bytes, next));
      return;
    }
    readAnyBytes(req, res, (error?: unknown) => {
      const bytes = error === undefined ? (req.body as Buffer | undefined) : undefined;
      held.shrinkTo(bytes?.length ?? 0);
      if (error === undefined) parseInto(req, bytes, next);
      else next(translateReadError(error));
    });
  };
}

/** Lets a body pass by before its request is refused: who is still sending would not read the answer. */
function refuseUnread(req: Request, refuse: () => void): void {
  let size = 0;
  const pass = (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) return;
    req.off('data', pass).off('end', refuse).pause();
    refuse();
  };
  req.on('data', pass).once('end', refuse);
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

/** Whether the body comes as it is and tells its length, which is allowed: all of it then is for Node to see to. */
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
 * Reads a plain body without body-parser, which takes 4 µs longer. Who leaves in the middle of it is not waited for:
 * nobody is there to be answered.
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
    throw malformed(describeFault(text));
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw malformed('The body is not valid UTF-8; encode the text as UTF-8.');
  }
}

function describeFault(text: string): string {
  if (text.trim() === '') return 'The body is empty; send the lead as a JSON object.';
  const fault = findJsonSyntaxError(text);
  if (fault === undefined) return 'The body is not JSON.';
  return `Line ${fault.line}, column ${fault.column}: ${fault.complaint}.`;
}

function malformed(detail: string): GatewayError {
  return new GatewayError('malformed-json', { detail });
}

/**
 * What reading a body can fail with: errors of body-parser's own have a `type`; those of zlib have none, and
 * body-parser gives them the status 400.
 */
function translateReadError(error: unknown): unknown {
  const { type, status } = error as { type?: unknown; status?: unknown };
  if (type === 'entity.too.large') {
    return new GatewayError('body-too-large', {
      detail: `The body has more than ${MAX_BODY_BYTES} bytes; send one lead, without files.`,
    });
  }
  if (type === 'encoding.unsupported') {
    return new GatewayError('unsupported-media-type', {
      detail: 'The Content-Encoding is not one the gateway reads; send gzip, deflate, br or none.',
    });
  }
  if (type === 'request.aborted') return malformed('The body ended before it was complete.');
  if (status === 400) return malformed('The body cannot be decompressed by its Content-Encoding.');
  return error;
}
