import { describeFileError } from '../text/text-file.ts';
import { CONFIG_VARIABLES, isSecret, type Name } from './schema.ts';
import { quoted, withoutLineBreak } from './texts.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The text of a file; throws when it cannot be read. What is read `again` later has to be a regular file. */
export type ReadFile = (path: string, when?: 'once' | 'again') => string;

/** The values, and the names of all variables that are set, including those whose file could not be read. */
export type Given = {
  readonly values: Readonly<Partial<Record<Name, string>>>;
  readonly given: ReadonlySet<Name>;
  /** The files that values were read from. */
  readonly paths: Readonly<Partial<Record<Name, string>>>;
  readonly mistakes: readonly string[];
};

/** Reads the variables, or the files that their `X_FILE` names. Empty counts as not set. */
export function withFiles(
  env: Environment,
  readFile: ReadFile,
  names: readonly Name[] = CONFIG_VARIABLES,
): Given {
  const values: Partial<Record<Name, string>> = {};
  const paths: Partial<Record<Name, string>> = {};
  const given = new Set<Name>();
  const mistakes: string[] = [];
  for (const name of names) {
    const direct = withoutLineBreak(env[name] ?? '');
    const path = withoutLineBreak(env[`${name}_FILE`] ?? '');
    if (!direct && !path) continue;
    given.add(name);
    if (direct && path) {
      mistakes.push(`${name} and ${name}_FILE are both set; use one of them`);
    } else if (direct) {
      values[name] = direct;
    } else {
      const content = fileContent(path, readFile);
      paths[name] = path;
      if (content.ok) values[name] = content.text;
      else mistakes.push(`${name}_FILE ${shownPath(name, path)} ${content.complaint}`);
    }
  }
  return { values, given, paths, mistakes };
}

/** A path is not secret, but someone may have put the secret itself where its path belongs. */
function shownPath(name: Name, path: string): string {
  return isSecret(name) && !/[\\/.]/.test(path)
    ? '(not shown: it may be the value itself rather than a path)'
    : quoted(path);
}

/** The text of a file that holds one value, or what is wrong with it. */
export function fileContent(
  path: string,
  readFile: ReadFile,
  when: 'once' | 'again' = 'once',
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly complaint: string } {
  try {
    const text = withoutLineBreak(readFile(path, when));
    return text === '' ? { ok: false, complaint: 'is empty' } : { ok: true, text };
  } catch (error) {
    return { ok: false, complaint: describeFileError(error) };
  }
}

/** What `node --env-file` reads: a name, its value in quotes or up to the end of the line, and a comment. */
const ASSIGNMENT =
  /^[^\S\n]*(?:export[^\S\n]+)?(?<name>[A-Za-z_][\w.-]*)[^\S\n]*=[^\S\n]*(?:(?<inQuotes>"[^"]*"|'[^']*'|`[^`]*`)[^\S\n]*(?:#[^\n]*)?(?=\n|$)|(?<bare>[^\n]*))/;

type EnvFile = {
  readonly values: ReadonlyMap<string, string>;
  readonly mistakes: readonly string[];
};

/**
 * Reads variables from text as `node --env-file` does. What Node would skip or shorten silently, or what a shell reads
 * differently, is a mistake. Not with Node's own `parseEnv`: in Node 24 a value of blanks only swallows the next line.
 */
function parseEnvFile(text: string, path: string): EnvFile {
  const source = text.replace(/\r\n?/g, '\n');
  const mistakes: string[] = [];
  const lines = new Map<string, number>();
  const values = new Map<string, string>();
  let rest = source;
  let line = 1;
  while (rest !== '') {
    const match = /^[^\S\n]*(?:#|$)/m.exec(rest)?.index === 0 ? null : ASSIGNMENT.exec(rest);
    const taken = match?.[0] ?? rest.slice(0, (rest.indexOf('\n') + 1 || rest.length + 1) - 1);
    const complaint = match === null ? lineComplaint(taken) : assignmentComplaint(match.groups ?? {});
    if (complaint !== undefined) mistakes.push(`${path}, line ${line}: ${complaint}`);
    const name = match?.groups?.['name'];
    const before = name === undefined ? undefined : lines.get(name);
    if (before !== undefined) mistakes.push(`${path}, line ${line}: ${name} is already on line ${before}`);
    if (name !== undefined) {
      lines.set(name, line);
      values.set(name, valueOf(match?.groups ?? {}));
    }
    line += taken.split('\n').length;
    rest = rest.slice(taken.length + 1);
  }
  return { values, mistakes };
}

function valueOf({ inQuotes, bare = '' }: Readonly<Record<string, string | undefined>>): string {
  if (inQuotes === undefined) return bare.replace(/#.*$/, '').trim();
  const inside = inQuotes.slice(1, -1);
  return inQuotes.startsWith('"') ? inside.replaceAll('\\n', '\n') : inside;
}

/** What is wrong with a line that is not an assignment; never repeats its text, which may be a secret. */
function lineComplaint(text: string): string | undefined {
  const line = text.trim();
  if (line === '' || line.startsWith('#')) return undefined;
  const command = COMMAND.exec(line)?.[0] ?? '';
  const [, name] = LINE_NAME.exec(line.slice(command.length)) ?? [];
  if (name === undefined) return 'is not NAME=value';
  return command === ''
    ? `is not NAME=value; write ${name}=value`
    : `is a command, not NAME=value; write ${name}=value, with nothing before it and no quotes around it`;
}

/** How shells and containers set a variable; `export NAME=value` is accepted. */
const COMMAND =
  /^(?:(?:export|setx?|setenv|env|declare(?:\s+-\w+)?|typeset(?:\s+-\w+)?|local|let|const|var|unset|-e|--env|-)(?:\s+\/[am])?\s+|\$\{?env:)/i;
/** A name, in quotes or not, before what may have been meant as the `=`. */
const LINE_NAME = /^["'`]?([A-Za-z_]\w{0,60})["'`}]?\s*(?::=|[:=,\s])/;

function assignmentComplaint({ name = '', bare }: Readonly<Record<string, string>>): string | undefined {
  if (bare === undefined) return undefined;
  if (/^["'`]/.test(bare)) return `${name} begins with a quote that is never closed`;
  // To Node it is a comment, to a shell part of the value.
  if (/[^\s#]#/.test(bare.replace(/\s#.*$/, ''))) {
    return `${name} has a # in its value; put the value in single quotes, or a blank before the comment`;
  }
  return undefined;
}

export type MergedEnvironment = {
  readonly env: Environment;
  /** The file of each variable that was read from one. */
  readonly origins: ReadonlyMap<string, string>;
  readonly mistakes: readonly string[];
};

/** Adds the variables of env files to the environment's: the environment wins over files, a later file over an earlier one. */
export function withEnvFiles(
  own: Environment,
  paths: readonly string[],
  readFile: ReadFile,
): MergedEnvironment {
  const env: Record<string, string | undefined> = { ...own };
  const origins = new Map<string, string>();
  const mistakes: string[] = [];
  for (const path of paths) {
    const file = readEnvFile(path, readFile);
    mistakes.push(...file.mistakes);
    for (const [name, value] of file.values) {
      if (own[name]) continue;
      env[name] = value;
      origins.set(name, path);
    }
  }
  return { env, origins, mistakes };
}

function readEnvFile(path: string, readFile: ReadFile): EnvFile {
  let text;
  try {
    text = readFile(path);
  } catch (error) {
    return { values: new Map(), mistakes: [`--env-file ${quoted(path)} ${describeFileError(error)}`] };
  }
  return parseEnvFile(text, path);
}
