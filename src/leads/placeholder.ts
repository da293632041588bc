/**
 * Placeholders: what a program sends as a key when it has none. Two people with the same placeholder would become one
 * lead, so no key may be one (README, "Placeholders").
 */

/** What absent values look like as text, in lower case. Names of people and companies that hold such a word are not meant. */
const ABSENT: ReadonlySet<string> = new Set([
  // JavaScript, JSON, Java, C#, SQL, Go, Ruby, Swift, Python, R, Visual Basic, PHP
  'undefined',
  'null',
  'nan',
  'invalid date',
  'true',
  'false',
  'nil',
  'none',
  'nonetype',
  'nat',
  'na',
  'nothing',
  'empty',
  'array',
  'dbnull',
  'dbnull.value',
  'nullptr',
  'infinity',
  'void 0',
  'pd.na',
  'optional.empty',
  'optional(nil)',
  'optional[null]',
  'some(none)',
  '\\n',
  // The nil UUID (RFC 9562, 5.9), and the id Salesforce gives what has none
  '00000000-0000-0000-0000-000000000000',
  '00000000000000000000000000000000',
  '000000000000000',
  '000000000000000aaa',
  // Spreadsheets
  '#n/a',
  '#ref!',
  '#value!',
  '#name?',
  '#div/0!',
  '#null!',
  '#error!',
  '#num!',
  '#spill!',
  '#calc!',
  '#field!',
  '#getting_data',
  // Reports and forms
  'n/a',
  'n.a',
  'n.a.',
  'n/a.',
  'not set',
  'not provided',
  'not available',
  'not found',
  'no value',
  'unset',
  'unknown',
  'missing',
  'redacted',
  // What samples and generated forms begin with
  'string',
  'placeholder',
  'changeme',
  'todo',
  'tbd',
]);

/** The same words with other separators or none between them: not-set, NotSet, change_me. */
const SQUEEZED: ReadonlySet<string> = new Set(
  [...ABSENT].filter((word) => /^[a-z ]+$/.test(word)).map((word) => word.replaceAll(' ', '')),
);
/** One of the words that are no name, again and again, as where texts are joined. */
const REPEATED = /^(?:undefined|null)+$/;

/** What an address that is a placeholder has: a word of the list at its beginning, no dot behind its @, or a template's sign. */
const WORDS = [...ABSENT].filter((word) => /^[a-z/]+$/.test(word)).join('|');
const SUSPICIOUS = new RegExp(
  `^[._-]*(?:${WORDS}|(?:undefined|null)+)[._+@-]|@[^.]*$|@(?:${WORDS})\\.|[{}%|$]`,
  'i',
);
const OF_TEMPLATES = /[{}%|$]/;

/** A template's expression that was not filled in, anywhere in the text: no system has ids with these pairs in them. */
const EXPRESSION =
  /\{\{.*?\}\}|[$#@]\{.*?\}|\{[!%].*?\}|<%.*?%>|%%.*?%%|##\w+##|\$\$\w+\$\$|\[\[.*?\]\]|\*\|.*?\|\*|\$\(.*?\)|\[object \w+\]/is;

/** A text that stands in the delimiters of a template as a whole. A UUID in braces is an id. */
const DELIMITED =
  /^(?:\{(?![0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}$).*\}|\[.*\]|<.*>|#<.*>|%[^%]+%|%[\d.$]*[sdv]|\$[a-z_]\w*|map\[.*\]|%!.*|__\w+__|&lt;.*&gt;|your[\s_-].*)$/is;

/** What C# and Java print for an object that has no text of its own. */
const TYPE_NAME =
  /^(?:System\.(?:Object|String|DBNull|Nullable|Dynamic|Collections|Linq|Byte|Char)\b.*|(?:\[+L)?java\.[\w.$]+;?@[0-9a-f]+)$/;

/** Blanks, characters that cannot be seen, quotes and parentheses say nothing. */
const UNSEEN = /^[\s\p{C}]+|[\s\p{C}]+$/gu;
const WRAPPING = /^[\s\p{C}"'`“”„‘’«»()]+|[\s\p{C}"'`“”„‘’«»()]+$/gu;
const SEPARATOR = /[\s\-_.:;,|/+&=@#]+/;

/** Longer texts are no placeholders; what looks for one stays cheap. */
const MAX_LENGTH = 255;

/** Whether a text stands for a value that is missing: the word for it in some language, or a template nobody filled in. */
export function isPlaceholder(text: string): boolean {
  if (text.length > MAX_LENGTH) return false;
  const seen = text.replaceAll(UNSEEN, '');
  if (DELIMITED.test(seen) || TYPE_NAME.test(seen) || EXPRESSION.test(seen)) return true;
  if (ABSENT.has(seen.toLowerCase())) return true;
  const bare = seen.replaceAll(WRAPPING, '').toLowerCase();
  if (ABSENT.has(bare) || REPEATED.test(bare) || !/[\p{L}\p{N}]/u.test(bare)) return true;
  if (SQUEEZED.has(bare.replaceAll(/[\s_-]+/g, ''))) return true;
  if (bare.startsWith('{') && ABSENT.has(bare.slice(1, -1))) return true;
  if (wordsOf(bare).every((word) => ABSENT.has(word))) return true;
  return text.includes('%') && isPlaceholder(decoded(text));
}

/** Percent-decoded once; empty, and so no placeholder's spelling, where that changes nothing. */
function decoded(text: string): string {
  try {
    const plain = decodeURIComponent(text);
    return plain === text ? 'x' : plain;
  } catch {
    return 'x';
  }
}

/**
 * Whether an email address stands for one that is missing: its domain is a placeholder, the part before the @ is one
 * that is no name, or both that part and the domain's first label are, as in `none@none.com`. Nan and Nil are names, so
 * `nan@example.com` is an address.
 */
export function isPlaceholderAddress(address: string): boolean {
  // Hot path: most addresses are plain.
  if (!SUSPICIOUS.test(address)) return false;
  const at = address.lastIndexOf('@');
  const local = address.slice(0, at).toLowerCase();
  const domain = address.slice(at + 1).toLowerCase();
  const labels = domain.split('.');
  if (labels.every((label) => ABSENT.has(label))) return true;
  const words = wordsOf(local);
  if (words.length === 0) return false;
  if (words.every((word) => REPEATED.test(word))) return true;
  if (OF_TEMPLATES.test(local) && isPlaceholder(local)) return true;
  return words.every((word) => ABSENT.has(word)) && ABSENT.has(labels[0] ?? '');
}

function wordsOf(text: string): string[] {
  return text.split(SEPARATOR).filter((word) => word !== '');
}
