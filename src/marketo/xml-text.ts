const MARKUP = /[&<>\r]/;
const EVERY_MARKUP = /[&<>\r]/g;

const REFERENCES = {
  '&': '&amp;',
  '<': '&lt;',
  // Only needed in `]]>`, which must not stand in content (XML 1.0, 2.4).
  '>': '&gt;',
  // A parser would turn a bare carriage return into a line feed (XML 1.0, 2.11).
  '\r': '&#13;',
} as const;

/** `text` as the content of an element. Every character must be one XML 1.0 can carry, as a lead's texts are. */
export function escapeText(text: string): string {
  if (!MARKUP.test(text)) return text;
  return text.replace(EVERY_MARKUP, (character) => REFERENCES[character as keyof typeof REFERENCES]);
}

/** An element in no namespace that holds text. */
export function textElement(name: string, text: string): string {
  return `<${name}>${escapeText(text)}</${name}>`;
}
