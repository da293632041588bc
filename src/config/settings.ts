import type { Given } from './files.ts';
import { environment, isSecret, type Name, NAMES, type Values } from './schema.ts';
import { quoted, wrapperComplaint } from './texts.ts';

/** A variable as it counts, for people who ask what a gateway goes by. */
export type Setting = {
  readonly name: string;
  /** Null: not set, and without a default. `(set)` for a secret. */
  readonly value: string | null;
  /** `default`, `environment`, or the path of the file it stands in. */
  readonly source: string;
};

export type Checked = {
  /** With the defaults of those that are mistakes. */
  readonly values: Values;
  readonly broken: ReadonlySet<Name>;
  /** One sentence a mistake, in the order of the schema. */
  readonly mistakes: readonly string[];
};

/** Holds each value against its kind. */
export function checkValues({ values, paths }: Given, names: readonly Name[] = NAMES): Checked {
  const complaints = new Map<Name, string[]>();
  for (const name of names) {
    const value = values[name];
    if (value === undefined) continue;
    const wrapper = wrapperComplaint(value);
    const found =
      wrapper === undefined
        ? (environment.shape[name].safeParse(value).error?.issues ?? []).map(({ message }) => message)
        : [wrapper];
    if (found.length > 0) complaints.set(name, found);
  }
  const valid = Object.fromEntries(Object.entries(values).filter(([name]) => !complaints.has(name as Name)));
  return {
    values: environment.parse(valid),
    broken: new Set(complaints.keys()),
    mistakes: [...complaints].flatMap(([name, found]) =>
      // The first says it; the rest follows from it.
      found
        .slice(0, 1)
        .map((complaint) => `${subjectOf(name, values[name] ?? '', paths[name])} ${complaint}`),
    ),
  };
}

/** What a file holds may be anything, when it is the wrong one. */
function subjectOf(name: Name, value: string, path: string | undefined): string {
  if (path !== undefined) return `${name} (in the file of ${name}_FILE)`;
  return isSecret(name) ? name : `${name} ${quoted(value)}`;
}

/**
 * All variables with the values that count and where they come from.
 *
 * @param origins the env files that variables were read from
 */
export function settingsOf(
  values: Values,
  { given, paths }: Given,
  origins: ReadonlyMap<string, string>,
): Setting[] {
  return NAMES.map((name) => ({
    name,
    value: shown(name, values[name], given.has(name)),
    source: given.has(name) ? (paths[name] ?? origins.get(name) ?? 'environment') : 'default',
  }));
}

function shown(name: Name, value: Values[Name], isGiven: boolean): string | null {
  if (value === undefined || value === null) return null;
  if (isSecret(name) && isGiven) return '(set)';
  return value instanceof URL ? value.href : Array.isArray(value) ? value.join(',') : String(value);
}
