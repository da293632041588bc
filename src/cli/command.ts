import { parseArgs } from 'node:util';
import { nearest } from '../text/nearest-name.ts';

/** sysexits.h: EX_USAGE and EX_CONFIG. */
export const EXIT_USAGE = 64;
export const EXIT_CONFIG = 78;

/** What a command sees of the process it runs in; main.ts hands it in. */
export type Process = {
  /** The process's own variables: packages that read the environment see what is added here. */
  readonly env: Record<string, string | undefined>;
  /** The version of the package. */
  readonly version: string;
  /** Ends the process at once. */
  readonly exit: (code: number) => never;
};

/** Ends a command with an exit code and lines for people, on standard error. */
export class CommandFailure extends Error {
  readonly exitCode: number;
  readonly lines: readonly string[];

  constructor(exitCode: number, lines: readonly string[]) {
    super(lines.join('\n'));
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
    this.lines = lines;
  }
}

/** For people, on standard error: standard output belongs to the log. */
export function announce(lines: readonly string[]): void {
  if (lines.length > 0) process.stderr.write(`${lines.join('\n')}\n`);
}

/** The output of a command. */
export function print(text: string): void {
  process.stdout.write(text);
}

/** The output of a command for programs. */
export function printJson(value: unknown): void {
  print(`${JSON.stringify(value, null, 2)}\n`);
}

/** Rows as text, one a line, each column as wide as its longest cell. */
export function columns(rows: readonly (readonly string[])[]): string {
  const [first = []] = rows;
  const widths = first.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

/** A reader that closes the pipe early, such as `head`, is not a reason to fail. */
export function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (!stream.listeners('error').includes(onPipeError)) stream.on('error', onPipeError);
  }
}

function onPipeError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

type Option = {
  readonly type: 'string' | 'boolean';
  readonly multiple?: true;
  /** The name of the value in the help. */
  readonly value?: string;
  /** Lines of the help. */
  readonly help: string;
};

export type Options = Readonly<Record<string, Option>>;

/** The value of each option; undefined if it was left out. */
export type OptionValues<O extends Options> = {
  readonly [K in keyof O]: O[K]['type'] extends 'boolean'
    ? boolean
    : O[K]['multiple'] extends true
      ? readonly string[]
      : string | undefined;
};

export type Command = {
  /** The words after `lead-gateway`. */
  readonly name: string;
  /** Its line in the list of commands. */
  readonly summary: string;
  readonly options: Options;
  /** The name, in the help, of the one argument that is not an option, in brackets if it may be left out; empty if it has none. */
  readonly argument: string;
  /** Text of the help below the options. */
  readonly notes: string;
  /** Resolves with the exit code, or null if the process goes on. Rejects with a CommandFailure. */
  readonly run: (args: readonly string[], own: Process) => Promise<number | null>;
};

/** For commands that read the configuration. */
export const ENV_FILE = {
  'env-file': {
    type: 'string',
    multiple: true,
    value: 'FILE',
    help: 'also read variables from FILE; the environment wins',
  },
} as const satisfies Options;

export const JSON_OUTPUT = {
  json: { type: 'boolean', help: 'write JSON, for programs' },
} as const satisfies Options;

export function defineCommand<const O extends Options>(definition: {
  readonly name: string;
  readonly summary: string;
  readonly options: O;
  /** The name of the one argument, which must then be given, unless it is in brackets. */
  readonly argument?: string;
  readonly notes?: string;
  /** `argument` is empty if it was not given. */
  readonly run: (
    own: Process,
    values: OptionValues<O>,
    argument: string,
  ) => number | null | Promise<number | null>;
}): Command {
  const { name, summary, options, argument = '', notes = '' } = definition;
  return {
    name,
    summary,
    options,
    argument,
    notes,
    run: async (args, own) => {
      const parsed = parseArguments({ name, options, argument }, args);
      return definition.run(own, parsed.values as OptionValues<O>, parsed.argument);
    },
  };
}

/** Parses the arguments of one command. @throws {CommandFailure} 64 */
function parseArguments(
  { name, options, argument }: Pick<Command, 'name' | 'options' | 'argument'>,
  args: readonly string[],
): { readonly values: Readonly<Record<string, unknown>>; readonly argument: string } {
  const known = Object.keys(options);
  const mistake = (complaint: string) => misused(name, complaint, argument);
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      Object.entries(options).map(([key, { type }]) => [key, { type, multiple: true }]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, unknown> = Object.fromEntries(
    Object.entries(options).map(([key, { type, multiple }]) => [
      key,
      type === 'boolean' ? false : multiple === true ? [] : undefined,
    ]),
  );
  let given: string | undefined;
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (argument !== '' && given === undefined && token.value !== '') {
        given = token.value;
        continue;
      }
      const meant = given === undefined ? optionFor(token.value, options) : undefined;
      const hint = meant === undefined ? '.' : `; did you mean --${meant} ${token.value}?`;
      throw mistake(`unexpected argument ${token.value}${hint}`);
    }
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (option === undefined) {
      const meant = nearest(token.name, known, 2);
      const hint = meant === undefined ? '' : ` Did you mean --${meant}?`;
      throw mistake(`${token.rawName} is not an option of ${name}.${hint}`);
    }
    const { value } = token;
    if (option.type === 'boolean') {
      if (value !== undefined) throw mistake(`${token.rawName} takes no value.`);
      values[token.name] = true;
    } else if (value === undefined || value === '' || (!token.inlineValue && value.startsWith('--'))) {
      throw mistake(`${token.rawName} needs a value: ${token.rawName} ${option.value ?? 'VALUE'}`);
    } else if (option.multiple === true) {
      (values[token.name] as string[]).push(value);
    } else {
      if (values[token.name] !== undefined) throw mistake(`${token.rawName} is given twice.`);
      values[token.name] = value;
    }
  }
  if (argument !== '' && !argument.startsWith('[') && given === undefined)
    throw mistake(`${argument} is missing.`);
  return { values, argument: given ?? '' };
}

/** The option that a lone word was probably meant for: the first that takes a value; a file has a dot or a slash. */
function optionFor(word: string, options: Options): string | undefined {
  const [name, option] = Object.entries(options).find(([, { type }]) => type === 'string') ?? [];
  return option?.value === 'FILE' && !/[./\\]/.test(word) ? undefined : name;
}

/** A mistake in the arguments of a command. */
export function misused(name: string, complaint: string, argument = ''): CommandFailure {
  const words = argument === '' ? name : `${name} ${argument}`;
  return new CommandFailure(EXIT_USAGE, [
    complaint,
    `Usage: lead-gateway ${words} [options]; lead-gateway ${name} --help lists the options.`,
  ]);
}
