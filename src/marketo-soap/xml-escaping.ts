const MARKUP = /[&<>\r]/;
const EVERY_MARKUP = /[&<>\r]/g;

const REFERENCES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  // Only needed in `]]>`, which is forbidden in content (XML 1.0, 2.4).
  '>': '&gt;',
  // A parser would turn a bare carriage return into a line feed (XML 1.0, 2.11).
  '\r': '&#13;',
};

/** Writes text as the content of an element. The text must pass `isXmlText`, as every text of a lead does. */
export function escapeText(text: string): string {
  if (!MARKUP.test(text)) return text;
  if (text.length > MAX_SHORT) return escapeLongText(text);
  return text.replace(EVERY_MARKUP, (character) => REFERENCES[character] ?? character);
}

/** In a longer text, calls of a function for each reference add up: 100 ms for a mebibyte of markup. */
const MAX_SHORT = 64;

/** UTF-16 units that are escaped at once; their place is used again and again. */
const STRETCH = 4096;
/** Of `&#13;`, the longest reference. */
const MAX_REFERENCE_BYTES = 10;
const scratch = Buffer.alloc(STRETCH * MAX_REFERENCE_BYTES);

/** UTF-16 unit up to `>` → the units of its reference. */
const REFERENCE_UNITS = Array.from({ length: 0x3f }, (_, unit) => {
  const reference = REFERENCES[String.fromCharCode(unit)];
  return reference === undefined ? undefined : [...Buffer.from(reference)];
});

function escapeLongText(text: string): string {
  let escaped = '';
  for (let from = 0; from < text.length; from += STRETCH) {
    const end = escapeStretch(text, from, Math.min(from + STRETCH, text.length));
    escaped += scratch.toString('utf16le', 0, end);
  }
  return escaped;
}

/** Fills the scratch with UTF-16LE, whatever the machine's byte order; returns how many bytes it takes. */
function escapeStretch(text: string, from: number, to: number): number {
  let end = 0;
  for (let at = from; at < to; at += 1) {
    const unit = text.charCodeAt(at);
    const reference = unit < REFERENCE_UNITS.length ? REFERENCE_UNITS[unit] : undefined;
    if (reference === undefined) {
      scratch[end] = unit;
      scratch[end + 1] = unit >> 8;
      end += 2;
      continue;
    }
    for (let index = 0; index < reference.length; index += 1) {
      scratch[end] = reference[index] ?? 0;
      scratch[end + 1] = 0;
      end += 2;
    }
  }
  return end;
}

/** Writes an element with text, in no namespace. */
export function textElement(name: string, text: string): string {
  return `<${name}>${escapeText(text)}</${name}>`;
}
