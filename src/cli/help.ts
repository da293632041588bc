import type { Command, Options } from './command.ts';

const INDENT = '  ';

const EXIT_CODES = `Exit codes: 0 done; 1 it failed or something is wrong; 64 wrong arguments; 78 a mistake in the
configuration; 130 and 143 a second signal while it stopped.
`;

/** The list of commands. */
export function generalHelp(commands: readonly Command[]): string {
  return `Usage: lead-gateway [command] [options]

${table([
  ...commands.map(({ name, summary }) => [name, summary] as const),
  ['help [command]', 'say what a command does and takes'],
  ['version', 'say which version this is'],
])}
Without a command it serves. The configuration is read from environment variables and from the files of --env-file;
the README lists them.

${EXIT_CODES}`;
}

/** What one command takes. */
export function commandHelp({ name, summary, options, notes }: Command): string {
  return `Usage: lead-gateway ${name}${usageOf(options)}

${summary[0]?.toUpperCase()}${summary.slice(1)}.

${table([...Object.entries(options).map(([key, option]) => [`--${key}${valueOf(option)}`, option.help] as const), ['-h, --help', 'this text']])}${notes === '' ? '' : `\n${notes}`}`;
}

/** The commands of a group, each with its usage. */
export function groupHelp(group: string, commands: readonly Command[]): string {
  const members = commands.filter(({ name }) => name.startsWith(`${group} `));
  return `Usage: lead-gateway ${group} <command> [options]

${table(members.map(({ name, summary }) => [name, summary] as const))}
lead-gateway ${group} <command> --help says what it takes.
`;
}

function usageOf(options: Options): string {
  return Object.keys(options).length > 0 ? ' [options]' : '';
}

function valueOf({ type, value }: Options[string]): string {
  return type === 'boolean' ? '' : ` ${value ?? 'VALUE'}`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows
    .map(([name, text]) => {
      const [first = '', ...others] = text.split('\n');
      const more = others.map((line) => `${' '.repeat(width + 4)}${line}\n`).join('');
      return `${INDENT}${name.padEnd(width)}  ${first}\n${more}`;
    })
    .join('');
}
