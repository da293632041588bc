import { isUtf8 } from 'node:buffer';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Request, RequestHandler, Response } from 'express';
import { ANONYMOUS, hidesOutcome } from '../access/principal.ts';
import { GatewayError } from '../leads/errors.ts';
import { inTurns } from '../runtime/in-turns.ts';
import { findJsonSyntaxError, type JsonSyntaxError, measureJson, PAUSE_EVERY } from '../text/json.ts';
import { atOnce, type Sliced } from '../text/sliced.ts';
import { decodeUtf8 } from './utf-8.ts';
import { addressGroup } from './authenticate.ts';
import { createGatheredBytes } from './gathered-bytes.ts';
import type { BodyAccount, BodyMemory } from './body-memory.ts';
import { type MediaType, parseMediaType, shortenHeader } from './media-type.ts';
import { MAX_PARSED, MAX_VALUES, violationsOf } from './leads/large-body.ts';
import { invalidLead } from './problems/problem.ts';
import { isRepeated } from './repeated-header.ts';
import { contextOf, onFinished } from './request-context.ts';

const RETRY_AFTER_SECONDS = 1;

export function outOfMemory(): GatewayError {
  return new GatewayError('unavailable', {
    detail:
      'The gateway is holding as many request bodies as fit in its memory, so the lead was not sent. Send it again after the time in Retry-After.',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

/** 1 MiB, counted after decompression (docs/rest-api.md#request-body). */
export const MAX_BODY_BYTES = 1_048_576;

/** `bytesWritten`: those it has taken in. */
type Decoder = Transform & { readonly bytesWritten: number };

/** Content-Encoding → what takes it away (RFC 9110, 8.4.1). */
const DECODERS: ReadonlyMap<string, () => Decoder> = new Map([
  ['gzip', () => createGunzip()],
  ['deflate', () => createInflate()],
  ['br', () => createBrotliDecompress()],
]);

/**
 * Parses the body as JSON into `req.body`. Fails with `unsupported-media-type`, `body-too-large`, `malformed-json`,
 * `validation-failed` for a body that is certainly not a lead, or `unavailable` if there is no memory left for it.
 */
export function readJsonBody(bodyMemory: BodyMemory): RequestHandler {
  return readBody(bodyMemory, requireJson, parseInTurns);
}

/**
 * Reads the body into `req.body`. Fails as `readJsonBody`, and with what its functions fail with.
 *
 * @param requireType refuses other types; not called if there is neither content nor type
 * @param parse gets nothing if the request has no content; a promise is waited for
 */
export function readBody(
  bodyMemory: BodyMemory,
  requireType: (req: Request) => void,
  parse: (bytes: Buffer | undefined) => unknown,
): RequestHandler {
  return (req, res, next) => {
    const { headers } = req;
    // Without content no type is needed: the problem then is that the body is missing.
    if (hasContent(headers) || headers['content-type'] !== undefined) requireType(req);
    if (!hasContent(headers)) {
      parseInto(req, undefined, parse, next);
      return;
    }
    readWhole(bodyMemory, MAX_BODY_BYTES, req, res, (failure, bytes) => {
      if (failure !== undefined) next(failure);
      else parseInto(req, bytes, parse, next);
    });
  };
}

/** Reads a body of at most `maxBytes`, decompressed; fails as readJsonBody does. Its memory is booked until the response. */
export function readWhole(
  bodyMemory: BodyMemory,
  maxBytes: number,
  req: Request,
  res: Response,
  done: (failure: unknown, bytes?: Buffer) => void,
): void {
  const { caller = ANONYMOUS } = contextOf(res);
  const address = hidesOutcome(caller) ? addressGroup(req.ip) : undefined;
  let evict: (() => void) | undefined;
  const account = bodyMemory.open({ caller, address }, () => evict?.());
  onFinished(res, account.close);
  evict = readBytes(req, account, maxBytes, done);
}

/**
 * Reads the body, decompressed, and books its bytes as they arrive. If the client disconnects, `done` is never called: no
 * one is left to answer.
 *
 * @returns refuses the body for lack of memory
 */
function readBytes(
  req: Request,
  account: BodyAccount,
  maxBytes: number,
  done: (failure: unknown, bytes?: Buffer) => void,
): () => void {
  const { encoding, decoder } = decoderFor(req.headers);
  const source = decoder === undefined ? req : req.pipe(decoder);
  const gathered = createGatheredBytes();
  let isOver = false;

  const end = () => {
    isOver = true;
    gathered.clear();
    account.close();
    if (decoder === undefined) return;
    req.unpipe(decoder);
    decoder.destroy();
  };
  // What follows is read and discarded: a client that is still sending would not read the response.
  const refuse = (failure: GatewayError) => {
    if (isOver) return;
    end();
    if (req.readableEnded) done(failure);
    else req.once('end', () => done(failure)).resume();
  };
  const outOfRoom = () => {
    if (isOver) return;
    end();
    discardBody(req, maxBytes, () => done(outOfMemory()));
  };

  if (decoder === undefined && encoding !== 'identity') refuse(unsupportedEncoding());
  else if (decoder === undefined && Number(req.headers['content-length'] ?? 0) > maxBytes)
    refuse(tooLarge(maxBytes));
  source.on('data', (chunk: Buffer) => {
    if (isOver) return;
    if (gathered.size() + chunk.length > maxBytes) refuse(tooLarge(maxBytes));
    else if (account.book(chunk.length)) gathered.add(chunk);
    else outOfRoom();
  });
  source.once('end', () => {
    if (isOver) return;
    isOver = true;
    account.complete();
    done(undefined, gathered.whole());
  });
  decoder?.on('error', () => refuse(undecodable()));
  return outOfRoom;
}

/** What takes the Content-Encoding of a body away; undefined if it has none, or one that is not supported. */
function decoderFor(headers: IncomingHttpHeaders): {
  readonly encoding: string;
  readonly decoder: Decoder | undefined;
} {
  const encoding = (headers['content-encoding'] ?? 'identity').toLowerCase();
  return { encoding, decoder: DECODERS.get(encoding)?.() };
}

/**
 * The bytes of a body as they come, decompressed, for a reader that keeps them within bounds by itself.
 *
 * @returns how many bytes of it have been decompressed, too, where that is done
 * @throws {GatewayError} unsupported-media-type
 */
export function openBody(req: Request): {
  readonly body: Readable;
  readonly sentBytes: (() => number) | undefined;
} {
  const { encoding, decoder } = decoderFor(req.headers);
  if (decoder !== undefined) return { body: req.pipe(decoder), sentBytes: () => decoder.bytesWritten };
  if (encoding !== 'identity') throw unsupportedEncoding();
  return { body: req, sentBytes: undefined };
}

export function undecodable(): GatewayError {
  return malformed('The body cannot be decompressed as its Content-Encoding says.');
}

const UTF_8 = new Set(['utf-8', 'utf8']);
const JSON_TYPE = 'application/json';

/**
 * Refuses a body whose Content-Type is not JSON in UTF-8. Parameters other than charset are ignored, since RFC 8259, 11,
 * gives them no meaning.
 */
function requireJson(request: IncomingMessage): void {
  // Hot path: nearly all requests have this one.
  if (request.headers['content-type'] === JSON_TYPE && !hasTwoTypes(request)) return;
  requireMediaType(request, (name) => name === JSON_TYPE, 'send Content-Type: application/json, in UTF-8');
}

/** Node drops the second; something in front of the gateway may have gone by that one. */
function hasTwoTypes({ rawHeaders }: IncomingMessage): boolean {
  return isRepeated(rawHeaders, 'content-type');
}

/**
 * The Content-Type of a body in UTF-8. Throws `unsupported-media-type`.
 *
 * @param isKnown whether a media type, in lower case, can be read
 * @param advice what to send instead, for the caller
 */
export function requireMediaType(
  request: IncomingMessage,
  isKnown: (name: string) => boolean,
  advice: string,
): MediaType {
  const contentType = request.headers['content-type'];
  const refuse = (what: string) =>
    new GatewayError('unsupported-media-type', { detail: `${what}; ${advice}.` });
  if (hasTwoTypes(request)) throw refuse('The request has two Content-Types');
  if (contentType === undefined || contentType === '') throw refuse('The request has no Content-Type');
  const type = parseMediaType(contentType);
  if (type === undefined || !isKnown(type.name)) {
    throw refuse(`The Content-Type is ${shortenHeader(contentType)}`);
  }
  const charset = type.parameters.get('charset')?.toLowerCase();
  if (charset !== undefined && !UTF_8.has(charset)) throw refuse(`The charset is ${shortenHeader(charset)}`);
  return type;
}

/** Lets the body pass before its request is refused, up to what a body may have. */
function discardBody(req: Request, maxBytes: number, refuse: () => void): void {
  let size = 0;
  const end = () => {
    req.off('data', discard).off('end', end);
    refuse();
  };
  const discard = (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxBytes) return;
    req.pause();
    end();
  };
  if (req.readableEnded) refuse();
  else req.on('data', discard).once('end', end).resume();
}

function parseInto(
  req: Request,
  bytes: Buffer | undefined,
  parse: (bytes: Buffer | undefined) => unknown,
  next: (failure?: unknown) => void,
): void {
  let body: unknown;
  try {
    body = parse(bytes);
  } catch (failure) {
    next(failure);
    return;
  }
  // Hot path: few are so large that they take turns.
  if (body instanceof Promise) {
    void whenParsed(req, body, next);
    return;
  }
  req.body = body;
  next();
}

async function whenParsed(
  req: Request,
  parsed: Promise<unknown>,
  next: (failure?: unknown) => void,
): Promise<void> {
  try {
    req.body = await parsed;
  } catch (failure) {
    next(failure);
    return;
  }
  next();
}

/** Whether the request has content (RFC 9112, 6.3): it is chunked or has a length above 0. */
function hasContent(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** A body this short cannot hold the event loop up, whatever is in it. */
const UNMEASURED_BYTES = 16_384;

/** A body that did not come by HTTP, with the same limits. @throws {GatewayError} as readJsonBody */
export function parseBody(bytes: Buffer): unknown {
  if (bytes.length > MAX_BODY_BYTES) throw tooLarge(MAX_BODY_BYTES);
  return atOnce(parseJson(bytes));
}

const NOTHING = Buffer.alloc(0);

/** The same: a value, or a promise where it takes turns. @throws {GatewayError} as readJsonBody; a promise rejects so */
export function parseInTurns(bytes: Buffer = NOTHING): unknown {
  if (bytes.length > MAX_BODY_BYTES) throw tooLarge(MAX_BODY_BYTES);
  return bytes.length > UNMEASURED_BYTES ? inTurns(parseJson(bytes)) : parseSmall(bytes);
}

/** The same of bytes that are not too many, as work that yields. @throws {GatewayError} as readJsonBody */
export function* parseJson(bytes: Buffer): Sliced<unknown> {
  if (bytes.length <= UNMEASURED_BYTES) return parseSmall(bytes);
  if (!isUtf8(bytes)) throw notUtf8();
  return yield* parseLarge(withoutMark(bytes));
}

function parseSmall(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw notUtf8();
  const whole = bytes.toString('utf8');
  const text = whole.startsWith('\uFEFF') ? whole.slice(1) : whole;
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(describeSyntaxError(text.trim() === '', findJsonSyntaxError(text)));
  }
}

function notUtf8(): GatewayError {
  return malformed('The body is not valid UTF-8; encode the text as UTF-8.');
}

/** Measures first: JSON.parse may take hundreds of milliseconds for a mebibyte. */
function* parseLarge(bytes: Buffer): Sliced<unknown> {
  const size = yield* measureJson(bytes, MAX_PARSED);
  if ('complaint' in size) throw malformed(describeSyntaxError(isBlank(bytes), size));
  yield;
  if (size.isList && size.values > MAX_VALUES) return [];
  if (size.values > MAX_VALUES) {
    const { errors, count } = violationsOf(bytes, size);
    throw invalidLead(errors, count);
  }
  const value: unknown = JSON.parse(decodeUtf8(bytes));
  yield;
  return value;
}

/** A body of another shape than a lead's may hold more; a mebibyte of it is parsed in some 10 ms. */
const MAX_OTHER_VALUES = 20_000;

/** JSON of any shape. @throws {GatewayError} `malformed-json`, or `validation-failed` if it holds too much */
export function* parseAnyJson(bytes: Buffer): Sliced<unknown> {
  if (!isUtf8(bytes)) throw notUtf8();
  const text = withoutMark(bytes);
  const size = yield* measureJson(text, 0);
  if ('complaint' in size) throw malformed(describeSyntaxError(isBlank(text), size));
  if (size.values > MAX_OTHER_VALUES)
    throw invalidLead([{ pointer: '#', detail: `must have at most ${MAX_OTHER_VALUES} values` }], 1);
  if (text.length > PAUSE_EVERY) yield;
  const value: unknown = JSON.parse(decodeUtf8(text));
  if (text.length > PAUSE_EVERY) yield;
  return value;
}

const MARK = Buffer.from('\uFEFF');

function withoutMark(bytes: Buffer): Buffer {
  return bytes.subarray(0, MARK.length).equals(MARK) ? bytes.subarray(MARK.length) : bytes;
}

/** Whether there is only white space, also of kinds that JSON does not allow. */
function isBlank(bytes: Buffer): boolean {
  const [first = 0] = bytes;
  return first <= 0x20 || first > 0x7f ? decodeUtf8(bytes).trim() === '' : false;
}

function describeSyntaxError(isEmpty: boolean, error: JsonSyntaxError | undefined): string {
  if (isEmpty) return 'The body is empty; send the lead as a JSON object.';
  if (error === undefined) return 'The body is not JSON.';
  return `Line ${error.line}, column ${error.column}: ${error.complaint}.`;
}

export function malformed(detail: string): GatewayError {
  return new GatewayError('malformed-json', { detail });
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError('body-too-large', {
    detail: `The body has more than ${maxBytes} bytes; ${maxBytes > MAX_BODY_BYTES ? 'send fewer leads at a time' : 'send one lead, without files'}.`,
  });
}

function unsupportedEncoding(): GatewayError {
  return new GatewayError('unsupported-media-type', {
    detail: 'The Content-Encoding is not supported; send gzip, deflate, br or none.',
  });
}
