import { CONFIG_VARIABLES } from './schema.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The values, and the names that were given one: also those whose file could not be read. */
export type Given = {
  readonly values: Readonly<Record<string, string>>;
  readonly given: ReadonlySet<string>;
  readonly mistakes: readonly string[];
};

/** Reads what the variables say, or the files that their `X_FILE` names. */
export function withFiles(
  env: Environment,
  readFile: (path: string) => string,
  names: readonly string[] = CONFIG_VARIABLES,
): Given {
  const values: Record<string, string> = {};
  const given = new Set<string>();
  const mistakes: string[] = [];
  for (const name of names) {
    const direct = env[name];
    const path = env[`${name}_FILE`];
    if (!direct && !path) continue;
    given.add(name);
    if (direct && path) {
      mistakes.push(`${name} and ${name}_FILE are both set; use one of them`);
    } else if (direct) {
      values[name] = direct;
    } else if (path) {
      const content = fileContent(path, readFile);
      if (content.ok) values[name] = content.text;
      else mistakes.push(`${name}_FILE names a file that ${content.complaint}`);
    }
  }
  return { values, given, mistakes };
}

/** The text of a file that holds one value. */
export function fileContent(
  path: string,
  readFile: (path: string) => string,
): { readonly ok: true; readonly text: string } | { readonly ok: false; readonly complaint: string } {
  try {
    // Editors and `echo` end a file with a line break that is no part of the value.
    const text = readFile(path).replace(/\r?\n$/, '');
    return text === '' ? { ok: false, complaint: 'is empty' } : { ok: true, text };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    return { ok: false, complaint: `cannot be read${code}` };
  }
}
