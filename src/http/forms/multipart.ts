import { isUtf8 } from 'node:buffer';
import type { Sliced } from '../../text/sliced.ts';
import { type FormField, malformedForm, MAX_FIELDS, NOT_UTF_8, tooManyFields } from './fields.ts';

/** Of the header fields of one part. */
const MAX_HEAD_BYTES = 4096;
/** RFC 2046, 5.1.1. */
const MAX_BOUNDARY_LENGTH = 70;

/** Bytes to read before other requests run. */
const PAUSE_EVERY = 65_536;

const LINE_END = '\r\n';
const DASH = 0x2d;

/**
 * Reads `multipart/form-data` (RFC 7578) that has arrived completely. Each byte is looked at a fixed number of times,
 * whatever the body holds. Yields where other requests may run. Throws `malformed-form`.
 *
 * @param boundary the parameter of the Content-Type
 */
export function* parseMultipart(bytes: Buffer, boundary: string | undefined): Sliced<FormField[]> {
  if (boundary === undefined || boundary === '' || boundary.length > MAX_BOUNDARY_LENGTH) {
    throw malformedForm(
      'The Content-Type has no valid boundary; leave the header to the program that writes the form.',
    );
  }
  const delimiter = Buffer.from(`${LINE_END}--${boundary}`);
  const fields: FormField[] = [];
  let pauseAt = PAUSE_EVERY;
  for (let at = firstPart(bytes, delimiter); ;) {
    if (at >= pauseAt) {
      pauseAt = at + PAUSE_EVERY;
      yield;
    }
    if (bytes[at] === DASH && bytes[at + 1] === DASH) return fields;
    if (fields.length === MAX_FIELDS) throw tooManyFields();
    const head = bytes.subarray(at, at + MAX_HEAD_BYTES);
    const headEnd = head.indexOf(`${LINE_END}${LINE_END}`);
    if (headEnd === -1) throw malformedForm(`The head of part ${fields.length + 1} does not end.`);
    const from = at + headEnd + 2 * LINE_END.length;
    const to = yield* nextDelimiter(bytes, delimiter, from);
    if (to === -1) throw malformedForm(`Part ${fields.length + 1} does not end: the form was cut off.`);
    fields.push(fieldOf(head.subarray(0, headEnd), bytes.subarray(from, to), fields.length + 1));
    at = to + delimiter.length;
  }
}

/** Behind the first delimiter, which may be at the very beginning; what precedes it does not count. */
function firstPart(bytes: Buffer, delimiter: Buffer): number {
  const opening = delimiter.subarray(LINE_END.length);
  if (bytes.subarray(0, opening.length).equals(opening)) return opening.length;
  const at = bytes.indexOf(delimiter);
  if (at !== -1) return at + delimiter.length;
  throw malformedForm('The body has no part that begins with the boundary of its Content-Type.');
}

/** Skips a text that only begins like the delimiter. */
function* nextDelimiter(bytes: Buffer, delimiter: Buffer, from: number): Sliced<number> {
  let at = bytes.indexOf(delimiter, from);
  let pauseAt = from + PAUSE_EVERY;
  while (at !== -1) {
    const after = at + delimiter.length;
    const isLast = bytes[after] === DASH && bytes[after + 1] === DASH;
    if (isLast || isLineEnd(bytes, after)) return at;
    // A body full of these takes long to search; one without any is searched in one go.
    if (after >= pauseAt) {
      pauseAt = after + PAUSE_EVERY;
      yield;
    }
    at = bytes.indexOf(delimiter, after);
  }
  return -1;
}

/** Whether nothing but blanks is before the end of a line. */
function isLineEnd(bytes: Buffer, from: number): boolean {
  let at = from;
  while (at < from + MAX_PADDING && (bytes[at] === BLANK || bytes[at] === TAB)) at += 1;
  return bytes[at] === RETURN && bytes[at + 1] === LINE_FEED;
}

const TAB = 0x09;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const BLANK = 0x20;

/** Of blanks behind a delimiter, which hardly any program writes. */
const MAX_PADDING = 32;

/** Without `.` and the `m` flag, which take U+2028 for the end of a line: a name may hold it. */
const DISPOSITION = /(?:^|[\r\n])content-disposition:[ \t]*form-data[ \t]*(;[^\r\n]*)/i;
/** Browsers write a quote in a name as %22 and line breaks as %0D and %0A (HTML standard, 4.10.21.8). */
const PARAMETER = /;[ \t]*([\w*-]+)=(?:"([^"]*)"|([^\s;"]*))/g;
const ESCAPES: Readonly<Record<string, string>> = { '%22': '"', '%0D': '\r', '%0A': '\n' };

function fieldOf(head: Buffer, value: Buffer, position: number): FormField {
  if (!isUtf8(head)) throw malformedForm(NOT_UTF_8);
  const [, disposition = ''] = DISPOSITION.exec(head.toString('utf8')) ?? [];
  const parameters = new Map<string, string>();
  for (const [, key = '', quoted, token = ''] of disposition.matchAll(PARAMETER)) {
    parameters.set(key.toLowerCase(), quoted ?? token);
  }
  const written = parameters.get('name');
  if (written === undefined) throw malformedForm(`Part ${position} has no name in its Content-Disposition.`);
  const name = written.replaceAll(/%22|%0[DA]/gi, (escape) => ESCAPES[escape.toUpperCase()] ?? escape);
  const file = parameters.get('filename') ?? parameters.get('filename*');
  // A file input that was left empty is sent, too.
  if (file !== undefined && (file !== '' || value.length > 0)) return { name, isFile: true };
  if (!isUtf8(value)) throw malformedForm(NOT_UTF_8);
  return { name, value: value.toString('utf8') };
}
