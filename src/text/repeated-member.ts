/** Strings, and what opens and closes objects and lists, in a text that is JSON. */
const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\]]/g;
const COLON = /[ \t\n\r]*:/y;

/**
 * The first member name that an object in `text` has twice; undefined without one. JSON.parse keeps the last of such
 * members and says nothing (RFC 8259, section 4).
 *
 * @param text is JSON
 */
export function findRepeatedMember(text: string): string | undefined {
  /** The names so far of each object that is open. */
  const open: Set<string>[] = [];
  for (const { 0: token, index } of text.matchAll(TOKENS)) {
    if (token === '{' || token === '[') open.push(new Set());
    else if (token === '}' || token === ']') open.pop();
    else {
      COLON.lastIndex = index + token.length;
      if (!COLON.test(text)) continue;
      const name = JSON.parse(token) as string;
      const names = open.at(-1);
      if (names?.has(name) === true) return name;
      names?.add(name);
    }
  }
  return undefined;
}
