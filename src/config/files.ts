import { describeFileFault } from '../text/file-fault.ts';
import { isSecret, type Name, NAMES } from './schema.ts';
import { quoted, withoutLineBreak } from './texts.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The text of a file; throws when it cannot be read. */
export type ReadFile = (path: string) => string;

/** The values, and the names that were given one: also those whose file could not be read. */
export type Given = {
  readonly values: Readonly<Partial<Record<Name, string>>>;
  readonly given: ReadonlySet<Name>;
  /** The files that values were read from. */
  readonly paths: Readonly<Partial<Record<Name, string>>>;
  readonly mistakes: readonly string[];
};

/** Reads what the variables say, or the files that their `X_FILE` names. Empty counts as not set. */
export function withFiles(env: Environment, readFile: ReadFile, names: readonly Name[] = NAMES): Given {
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

/** A path is no secret; what stands where the path of a secret belongs may be the secret itself. */
function shownPath(name: Name, path: string): string {
  return isSecret(name) && !/[\\/.]/.test(path)
    ? '(not shown: it may be the value itself, where the path of a file belongs)'
    : quoted(path);
}

/** The text of a file that holds one value. */
export function fileContent(
  path: string,
  readFile: ReadFile,
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly complaint: string } {
  try {
    // Editors and `echo` end a file with a line break that is no part of the value.
    const text = withoutLineBreak(readFile(path));
    return text === '' ? { ok: false, complaint: 'is empty' } : { ok: true, text };
  } catch (error) {
    return { ok: false, complaint: describeFileFault(error) };
  }
}
