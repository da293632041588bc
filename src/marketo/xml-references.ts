import { isCarriable } from '../leads/text.ts';
import { illFormed } from './xml-markup.ts';

const REFERENCE = /&(?:#x([0-9A-Fa-f]+);|#([0-9]+);|(amp|lt|gt|quot|apos);)?/g;
const NAMED = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" } as const;

/**
 * Text with its references undone: the five entities XML knows without a DOCTYPE (XML 1.0, 4.6) and characters by
 * number. Done here and not by the parser, whose choice is between leaving `&#39;` and taking HTML's `&nbsp;`.
 *
 * @throws UnreadableReply for any other `&`, which makes the document ill-formed
 */
export function decodeReferences(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(REFERENCE, (reference, hex?: string, decimal?: string, name?: keyof typeof NAMED) => {
    if (name !== undefined) return NAMED[name];
    const digits = hex ?? decimal;
    const code = digits === undefined ? Number.NaN : Number.parseInt(digits, hex === undefined ? 10 : 16);
    const character = code <= 0x10ffff ? String.fromCodePoint(code) : '';
    if (character === '' || !isCarriable(character)) {
      throw illFormed(`the reference ${reference}`);
    }
    return character;
  });
}
