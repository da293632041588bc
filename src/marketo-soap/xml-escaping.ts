const MARKUP = /[&<>\r]/;
const EVERY_MARKUP = /[&<>\r]/g;

const REFERENCES = {
  '&': '&amp;',
  '<': '&lt;',
  // Only needed in `]]>`, which is forbidden in content (XML 1.0, 2.4).
  '>': '&gt;',
  // A parser would turn a bare carriage return into a line feed (XML 1.0, 2.11).
  '\r': '&#13;',
} as const;

/** Writes text as the content of an element. The text must pass `isXmlText`, as every text of a lead does. */
export function escapeText(text: string): string {
  if (!MARKUP.test(text)) return text;
  if (text.length > MAX_SHORT) return escapeLongText(text);
  return text.replace(EVERY_MARKUP, (character) => REFERENCES[character as keyof typeof REFERENCES]);
}

/** In a longer text, calls of a function for each reference add up: 100 ms for a mebibyte of markup. */
const MAX_SHORT = 64;

/** Of `&#13;`, the longest reference. */
const MAX_REFERENCE = 5;

/** UTF-16 units that are escaped at once; their place is used again and again. */
const STRETCH = 4096;
const scratch = new Uint16Array(STRETCH * MAX_REFERENCE);
const scratchBytes = Buffer.from(scratch.buffer);
const IS_BIG_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;

function escapeLongText(text: string): string {
  let escaped = '';
  for (let from = 0; from < text.length; from += STRETCH) {
    const end = 2 * escapeStretch(text, from, Math.min(from + STRETCH, text.length));
    if (IS_BIG_ENDIAN) scratchBytes.swap16();
    escaped += scratchBytes.toString('utf16le', 0, end);
  }
  return escaped;
}

/**
 * Fills the scratch; returns how many units it takes. Units are spelt out: with a table, a lead of nothing but markup
 * would hold the event loop for longer than the 20 ms of checks/security/event-loop.mjs.
 */
function escapeStretch(text: string, from: number, to: number): number {
  let end = 0;
  const put = (unit: number) => {
    scratch[end] = unit;
    end += 1;
  };
  for (let at = from; at < to; at += 1) {
    const unit = text.charCodeAt(at);
    switch (unit) {
      case 0x26: // &amp;
        put(0x26);
        put(0x61);
        put(0x6d);
        put(0x70);
        put(0x3b);
        break;
      case 0x3c: // &lt;
        put(0x26);
        put(0x6c);
        put(0x74);
        put(0x3b);
        break;
      case 0x3e: // &gt;
        put(0x26);
        put(0x67);
        put(0x74);
        put(0x3b);
        break;
      case 0x0d: // &#13;
        put(0x26);
        put(0x23);
        put(0x31);
        put(0x33);
        put(0x3b);
        break;
      default:
        put(unit);
    }
  }
  return end;
}

/** Writes an element with text, in no namespace. */
export function textElement(name: string, text: string): string {
  return `<${name}>${escapeText(text)}</${name}>`;
}
