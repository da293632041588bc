/** What people paste along with a value: quotes, line breaks and invisible characters are reported by name. */

const QUOTES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '`': '`',
  '\u201C': '\u201D',
  '\u201D': '\u201D',
  '\u201E': '\u201D\u201C',
  '\u2018': '\u2019',
  '\u2019': '\u2019',
  '\u201A': '\u2019\u2018',
  '\u00AB': '\u00BB',
  '\u2039': '\u203A',
};
const ANY_QUOTE = /^["'`\u2018-\u201F\u00AB\u00BB]|["'`\u2018-\u201F\u00AB\u00BB]$/;

/** Files, and env files from Windows, end with one that is not part of the value. */
export function withoutLineBreak(value: string): string {
  return value.replace(/(?:\r?\n|\r)$/, '');
}

const REFERENCES: readonly RegExp[] = [
  /\$\{[^{}]*\}/,
  /\$\([A-Za-z_][\w.]*\)/,
  /^\$[A-Za-z_]\w*$/,
  /^%[A-Za-z_]\w*%$/,
  /^\$env:\w+$/i,
  /^![A-Za-z_]\w*!$/,
  /\{\{.*\}\}/,
  /^<[^<>]*>$/,
];

/** What is wrong with a value, whatever its kind; never repeats the value. */
export function wrapperComplaint(value: string): string | undefined {
  const closing = QUOTES[value.slice(0, 1)];
  if (value.length > 1 && closing?.includes(value.slice(-1)) === true) {
    return 'has quotes around it, which are part of the value; remove them (docker --env-file, systemd and cmd keep them)';
  }
  if (REFERENCES.some((reference) => reference.test(value.trim()))) {
    return 'contains an unresolved reference such as ${NAME}, $(NAME), %NAME% or <name>';
  }
  return undefined;
}

/** Characters that are never in a value on purpose, by the names people know. */
const NAMED: Readonly<Record<string, string>> = {
  '\n': 'a line break',
  '\r': 'a line break (carriage return)',
  '\t': 'a tab',
  '\u0000': 'a NUL',
  '\u00A0': 'a no-break space',
  '\u00AD': 'a soft hyphen',
  '\u200B': 'a zero-width space',
  '\u200C': 'a zero-width non-joiner',
  '\u200D': 'a zero-width joiner',
  '\u202F': 'a narrow no-break space',
  '\u2060': 'a word joiner',
  '\uFEFF': 'a byte order mark (zero-width no-break space)',
  '\uFFFD': 'a replacement character: the text was not in UTF-8',
};
/** Every invisible character except the blank. */
const INVISIBLE = /(?![ \u200C\u200D])[\p{Cc}\p{Cf}\p{Zs}\p{Zl}\p{Zp}\p{Cs}\uFFFD]/u;
const JOINER = /[\u200C\u200D]/;
/** Some scripts and composed emoji need a joiner between characters; Latin letters never do. */
const STRAY_JOINER = /(?<![\u0250-\u{10FFFF}])[\u200C\u200D]|[\u200C\u200D](?![\u0250-\u{10FFFF}])/u;

/** What is wrong with a text; never repeats it. */
export function textComplaint(value: string, joiner = STRAY_JOINER): string | undefined {
  if (value.trim() === '') return 'is blank; set a value or remove the variable';
  const found = (INVISIBLE.exec(value) ?? joiner.exec(value))?.[0];
  if (found !== undefined) {
    const code = (found.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    return `contains ${NAMED[found] ?? 'an invisible character'} (U+${code}); remove it`;
  }
  if (value !== value.trim()) return 'begins or ends with blanks; remove them';
  return undefined;
}

/** What people write where a credential will go. */
const PLACEHOLDER =
  /^(?:\.{3}|\u2026|null|undefined|none|nil|x{3,}|\*+|change[-_ ]?(?:me|it|this)|replace[-_ ]?(?:me|this)|to[-_ ]?do|tbd|placeholder|(?:your|insert)[-_ ].*)$/i;

/** What is wrong with a credential; never repeats it. */
export function credentialComplaint(value: string): string | undefined {
  const complaint = textComplaint(value, JOINER);
  if (complaint !== undefined) return complaint;
  if (ANY_QUOTE.test(value)) return 'begins or ends with a quote, which is part of the value; remove it';
  return PLACEHOLDER.test(value) ? 'is a placeholder, not a value of your subscription' : undefined;
}

const MAX_QUOTED = 80;

/**
 * A value as a message shows it: in quotes, cut to a length, in characters that every terminal can show, without the
 * user and the password of a URL.
 */
export function quoted(value: string): string {
  const safe = value
    .replace(/\/\/\S*@/g, '//…@')
    // oxlint-disable-next-line no-control-regex -- finding control characters is the point
    .replace(/[\u0000-\u001F\u007F-\u009F]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|(?! )\p{Zs}/gu, (character) =>
      character === '\n'
        ? '\\n'
        : character === '\r'
          ? '\\r'
          : `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
    );
  const bounded = safe.length > MAX_QUOTED ? `${safe.slice(0, MAX_QUOTED).replace(/\p{Cs}$/u, '')}…` : safe;
  return bounded.includes('"') ? `'${bounded}'` : `"${bounded}"`;
}
