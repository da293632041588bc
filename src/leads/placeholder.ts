/**
 * Placeholders: what programs send as a key when they have none. Two people with the same placeholder would become one
 * lead, so they are refused as keys (docs/rest-api.md#placeholders).
 */

/** Absent values as text, in lower case. A name of a person or company that contains such a word is no placeholder. */
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
  // The nil UUID (RFC 9562, 5.9), and the empty id of Salesforce
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
  // Samples and generated forms
  'string',
  'placeholder',
  'changeme',
  'todo',
  'tbd',
]);

/** The same words without separators, to compare not-set, NotSet and change_me with. */
const SQUEEZED: ReadonlySet<string> = new Set(
  [...ABSENT].filter((word) => /^[a-z ]+$/.test(word)).map((word) => word.replaceAll(' ', '')),
);
/** The words that are not names, also several of them in a row, as from joined texts. */
const REPEATED = /^(?:undefined|null)+$/;

/** Every placeholder address matches: it has a word of the list at its start, no dot after its @, or a character of templates. */
const WORDS = [...ABSENT].filter((word) => /^[a-z/]+$/.test(word)).join('|');
const SUSPICIOUS = new RegExp(
  `^[._-]*(?:${WORDS}|(?:undefined|null)+)[._+@-]|@[^.]*$|@(?:${WORDS})\\.|[{}%|$]`,
  'i',
);
const OF_TEMPLATES = /[{}%|$]/;

/** An expression of a template that was not filled in, anywhere in the text: ids never contain these pairs. */
const EXPRESSION =
  /\{\{.*?\}\}|[$#@]\{.*?\}|\{[!%].*?\}|<%.*?%>|%%.*?%%|##\w+##|\$\$\w+\$\$|\[\[.*?\]\]|\*\|.*?\|\*|\$\(.*?\)|\[object \w+\]/is;

/** A whole text in the delimiters of a template. A UUID in braces is an id. */
const DELIMITED =
  /^(?:\{(?![0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\}$).*\}|\[.*\]|<.*>|#<.*>|%[^%]+%|%[\d.$]*[sdv]|\$[a-z_]\w*|map\[.*\]|%!.*|__\w+__|&lt;.*&gt;|your[\s_-].*)$/is;

/** What C# and Java print for an object without a text of its own. */
const TYPE_NAME =
  /^(?:System\.(?:Object|String|DBNull|Nullable|Dynamic|Collections|Linq|Byte|Char)\b.*|(?:\[+L)?java\.[\w.$]+;?@[0-9a-f]+)$/;

/** White space, invisible characters, quotes and parentheses do not count. */
const UNSEEN = /^[\s\p{C}]+|[\s\p{C}]+$/gu;
const WRAPPING = /^[\s\p{C}"'`“”„‘’«»()]+|[\s\p{C}"'`“”„‘’«»()]+$/gu;
const SEPARATOR = /[\s\-_.:;,|/+&=@#]+/;

/** Longer texts are no placeholders, and the patterns stay cheap. */
const MAX_LENGTH = 255;

/** Whether a text stands for a missing value: a word for it in some language, or a template that was not filled in. */
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

/** Percent-decoded once; `x`, which is no placeholder, if that changes nothing. */
function decoded(text: string): string {
  try {
    const plain = decodeURIComponent(text);
    return plain === text ? 'x' : plain;
  } catch {
    return 'x';
  }
}

/**
 * Whether an email address stands for a missing one: its domain is a placeholder, or its local part is one that is not
 * a name, or both the local part and the first label are, as in `none@none.com`. Nan and Nil are names, so
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
