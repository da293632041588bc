import { isUtf8 } from 'node:buffer';
import type { Sliced } from '../../text/sliced.ts';
import { type FormField, malformedForm, MAX_FIELDS, NOT_UTF_8, tooManyFields } from './fields.ts';

/**
 * Reads `application/x-www-form-urlencoded` (URL standard, 5.1), more strictly than browsers: text that cannot be decoded is
 * refused and not replaced. Yields where other requests may run. Throws `malformed-form`.
 */
export function* parseUrlEncoded(bytes: Buffer): Sliced<FormField[]> {
  if (!isUtf8(bytes)) throw malformedForm(NOT_UTF_8);
  const text = withBlanks(bytes).toString('utf8');
  const fields: FormField[] = [];
  // Pairs that are empty count, too: a mebibyte has room for a million.
  let pauseAt = PAUSE_EVERY;
  for (let from = 0, pairs = 0; from < text.length; pairs += 1) {
    if (from >= pauseAt) {
      pauseAt = from + PAUSE_EVERY;
      yield;
    }
    if (pairs === MAX_FIELDS) throw tooManyFields();
    const next = text.indexOf('&', from);
    const end = next === -1 ? text.length : next;
    if (end > from) {
      fields.push(fieldIn(text.slice(from, end), fields.length + 1));
    }
    from = end + 1;
  }
  return fields;
}

/** Characters to read before other requests run; decoding them takes longest. */
const PAUSE_EVERY = 131_072;

const PLUS = 0x2b;
const BLANK = 0x20;

/** A plus sign stands for a blank. By bytes: replacing a million of them in a string takes a hundred milliseconds. */
function withBlanks(bytes: Buffer): Buffer {
  let at = bytes.indexOf(PLUS);
  if (at === -1) return bytes;
  const copy = Buffer.from(bytes);
  for (; at < copy.length; at += 1) if (copy[at] === PLUS) copy[at] = BLANK;
  return copy;
}

function fieldIn(pair: string, position: number): FormField {
  const sign = pair.indexOf('=');
  const nameEnd = sign === -1 ? pair.length : sign;
  return { name: decode(pair.slice(0, nameEnd), position), value: decode(pair.slice(nameEnd + 1), position) };
}

function decode(text: string, position: number): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformedForm(
      `Field ${position} of the form cannot be decoded: a percent sign must begin the code of a character in UTF-8, such as %C3%BC.`,
    );
  }
}
