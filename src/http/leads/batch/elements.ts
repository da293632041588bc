import { GatewayError } from '../../../leads/errors.ts';
import { measureJson, memberPointer, PAUSE_EVERY, skipSpace } from '../../../text/json.ts';
import type { Sliced } from '../../../text/sliced.ts';
import { malformed } from '../../request-body.ts';

/** Leads of a batch that is one JSON text. */
export const MAX_LEADS = 1000;

const FORM = 'send {"leads":[…]}';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const LIST = 0x5b;
const LIST_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;

/**
 * Finds the leads in `{"leads":[…]}`, as their bytes, without looking at what is in them.
 * Yields undefined where other requests may run.
 *
 * @throws {GatewayError} malformed-json if the text around the leads is not JSON, validation-failed if it is another form
 */
export function* leadsIn(bytes: Buffer): Generator<Buffer | undefined, void> {
  const start = yield* pastSpace(bytes, bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0);
  if (start === bytes.length) throw malformed(`The body is empty; ${FORM}.`);
  if (bytes[start] !== OBJECT) throw yield* noObject(bytes, start);
  let at = yield* pastSpace(bytes, start + 1);
  let found = false;
  while (bytes[at] !== OBJECT_END) {
    if (bytes[at] !== QUOTE) throw yield* faultAt(bytes, at, 'expected a member name in double quotes');
    const nameEnd = yield* endOfValue(bytes, at);
    if (nameEnd === -1) throw yield* faultAt(bytes, bytes.length, 'a string is not closed');
    const name = nameOf(bytes.subarray(at, nameEnd));
    if (name === undefined) throw yield* faultAt(bytes, at, 'expected a member name in double quotes');
    const colon = yield* pastSpace(bytes, nameEnd);
    if (bytes[colon] !== COLON) throw yield* faultAt(bytes, colon, 'expected ":"');
    const value = yield* pastSpace(bytes, colon + 1);
    if (name !== 'leads') throw unknownMember(name);
    if (found) throw invalidBatch('#/leads', 'is given twice');
    found = true;
    if (bytes[value] !== LIST) throw invalidBatch('#/leads', `must be a list; ${FORM}`);
    at = yield* pastSpace(bytes, yield* listAt(bytes, value));
    if (bytes[at] === COMMA) at = yield* pastSpace(bytes, at + 1);
    else if (bytes[at] !== OBJECT_END)
      throw yield* faultAt(bytes, at, 'expected "," or the end of the object');
    else break;
    if (bytes[at] === OBJECT_END) throw yield* faultAt(bytes, at, 'expected a member name in double quotes');
  }
  const end = yield* pastSpace(bytes, at + 1);
  if (end < bytes.length) throw yield* faultAt(bytes, end, 'expected nothing more');
  if (!found) throw invalidBatch('#/leads', 'is missing');
}

/** A list is not read to its end: it may be long, and is no batch in either case. */
function* noObject(bytes: Buffer, start: number): Sliced<GatewayError> {
  const isJson = bytes[start] === LIST || !('complaint' in (yield* measureJson(bytes.subarray(start), 0)));
  return isJson
    ? invalidBatch('#', `must be an object; ${FORM}`)
    : yield* faultAt(bytes, start, 'expected "{"');
}

function* listAt(bytes: Buffer, from: number): Generator<Buffer | undefined, number> {
  let count = 0;
  let at = yield* pastSpace(bytes, from + 1);
  if (bytes[at] === LIST_END) throw invalidBatch('#/leads', 'must have at least one lead');
  for (;;) {
    const short = endOfShortValue(bytes, at, Math.min(bytes.length, at + PAUSE_EVERY));
    const end = short === -1 ? yield* endOfValue(bytes, at) : short;
    if (end === -1) throw yield* faultAt(bytes, bytes.length, 'expected "," or the end of the list');
    count += 1;
    if (count > MAX_LEADS) throw tooMany();
    yield bytes.subarray(at, end);
    at = isSpace(bytes, end) ? yield* pastSpace(bytes, end) : end;
    if (bytes[at] === LIST_END) return at + 1;
    if (bytes[at] !== COMMA) throw yield* faultAt(bytes, at, 'expected "," or the end of the list');
    at += 1;
    if (isSpace(bytes, at)) at = yield* pastSpace(bytes, at);
  }
}

/** Hot path: whether white space may begin here. */
function isSpace(bytes: Buffer, at: number): boolean {
  return (bytes[at] ?? 0) <= SPACE;
}

const SPACE = 0x20;

/** The first byte from `from` on that is not white space. */
function* pastSpace(bytes: Buffer, from: number): Sliced<number> {
  for (let at = from; ;) {
    const to = at + PAUSE_EVERY;
    at = skipSpace(bytes, at, to);
    if (at < to) return at;
    yield;
  }
}

/** Behind the value that begins at `from`, or at what follows it; -1 if it does not end before `to`. */
function endOfShortValue(bytes: Buffer, from: number, to: number): number {
  let depth = 0;
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      at = endOfText(bytes, at + 1, to);
      if (at >= to) return -1;
      if (depth === 0) return at + 1;
    } else if (byte === OBJECT || byte === LIST) {
      depth += 1;
    } else if (byte === OBJECT_END || byte === LIST_END) {
      depth -= 1;
      if (depth <= 0) return depth < 0 ? at : at + 1;
    } else if (byte === COMMA && depth === 0) {
      return at;
    }
  }
  return -1;
}

/** The same to the end of the bytes, in turns. */
function* endOfValue(bytes: Buffer, from: number): Sliced<number> {
  const size = bytes.length;
  let depth = 0;
  let isInText = false;
  let pauseAt = from + PAUSE_EVERY;
  for (let at = from; at < size; at += 1) {
    if (at >= pauseAt) {
      pauseAt = at + PAUSE_EVERY;
      yield;
    }
    if (isInText) {
      at = endOfText(bytes, at, pauseAt);
      // Between two bytes of it, as the loop goes on.
      if (bytes[at] !== QUOTE || at >= pauseAt) at -= 1;
      else {
        isInText = false;
        if (depth === 0) return at + 1;
      }
      continue;
    }
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      isInText = true;
    } else if (byte === OBJECT || byte === LIST) {
      depth += 1;
    } else if (byte === OBJECT_END || byte === LIST_END) {
      depth -= 1;
      if (depth < 0) return at;
      if (depth === 0) return at + 1;
    } else if (byte === COMMA && depth === 0) {
      return at;
    }
  }
  return -1;
}

/** At the closing quotes of the string that `from` is in; at or behind `to` if they are not before. */
function endOfText(bytes: Buffer, from: number, to: number): number {
  const end = Math.min(to, bytes.length);
  let at = from;
  for (; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at += 1;
  }
  return at;
}

/** A longer name, as it is written, cannot be ours, and is not decoded. */
const MAX_NAME_BYTES = 1024;

/** Undefined if it is not JSON. */
function nameOf(text: Buffer): string | undefined {
  const written = text.toString('utf8', 0, MAX_NAME_BYTES);
  if (text.length > MAX_NAME_BYTES) return written;
  try {
    return JSON.parse(written) as string;
  } catch {
    return undefined;
  }
}

/** A longer name is not repeated. */
const MAX_NAME_SHOWN = 80;

function unknownMember(name: string): GatewayError {
  if (name.length > MAX_NAME_SHOWN) return invalidBatch('#', `has a member that no batch has; ${FORM}`);
  return invalidBatch(memberPointer(name), `is not a member of a batch; ${FORM}`);
}

function tooMany(): GatewayError {
  return invalidBatch(
    '#/leads',
    `must have at most ${MAX_LEADS} leads; send the others in another batch, or all of them as application/x-ndjson`,
  );
}

function invalidBatch(pointer: string, detail: string): GatewayError {
  return new GatewayError('validation-failed', {
    detail: `The batch is not valid. ${pointer === '#' ? 'The body' : pointer.slice(2)} ${detail}.`,
    errors: [{ pointer, detail }],
  });
}

/** @param lead bytes inside `bytes` that are not JSON */
export function* faultIn(bytes: Buffer, lead: Buffer): Sliced<GatewayError> {
  const fault = yield* measureJson(lead, 0);
  const from = lead.byteOffset - bytes.byteOffset;
  if (!('complaint' in fault))
    return yield* faultAt(bytes, from, 'the lead is not valid UTF-8; encode the text as UTF-8');
  const start = yield* placeOf(bytes, from);
  const line = start.line + fault.line - 1;
  const column = fault.line === 1 ? start.column + fault.column - 1 : fault.column;
  return malformed(`Line ${line}, column ${column}: ${fault.complaint}.`);
}

function* faultAt(bytes: Buffer, at: number, complaint: string): Sliced<GatewayError> {
  const { line, column } = yield* placeOf(bytes, at);
  const found = at < bytes.length ? '' : ', found the end of the text';
  return malformed(`Line ${line}, column ${column}: ${complaint}${found}.`);
}

/** Lines and columns count from 1, columns in characters. */
function* placeOf(bytes: Buffer, to: number): Sliced<{ readonly line: number; readonly column: number }> {
  let line = 1;
  let column = 1;
  let pauseAt = PAUSE_EVERY;
  for (let at = 0; at < to; at += 1) {
    if (at >= pauseAt) {
      pauseAt += PAUSE_EVERY;
      yield;
    }
    const byte = bytes[at] ?? 0;
    if (byte === 0x0a) {
      line += 1;
      column = 1;
    } else if ((byte & 0xc0) !== 0x80) {
      column += 1;
    }
  }
  return { line, column };
}
