import { checkConfig } from './check-config.ts';
import {
  ignoreClosedPipes,
  type Command,
  CommandFailure,
  EXIT_USAGE,
  type Options,
  print,
  type Process,
} from './command.ts';
import { doctor } from './doctor/doctor.ts';
import { health } from './health.ts';
import { createKey, listKeys, revokeKey } from './keys.ts';
import { openapi } from './openapi.ts';
import { sandbox } from './sandbox.ts';
import { serve } from './serve.ts';
import { nearest } from '../text/nearest-name.ts';

/** All commands, in the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  serve,
  sandbox,
  checkConfig,
  doctor,
  health,
  openapi,
  createKey,
  listKeys,
  revokeKey,
];

const INDENT = '  ';

const EXIT_CODES = `Exit codes: 0 success; 1 it failed, or something is wrong; 64 wrong arguments; 78 a mistake in the configuration;
130 and 143 a second signal during shutdown.
`;

/** The list of commands. */
export function generalHelp(commands: readonly Command[]): string {
  return `Usage: lead-gateway [command] [options]

${table([
  ...commands.map(({ name, summary }) => [name, summary] as const),
  ['help [command]', 'show what a command does and its options'],
  ['version', 'show the version'],
])}
Without a command it serves. It is configured by environment variables and by the files of --env-file; see
docs/configuration.md.

${EXIT_CODES}`;
}

/** What one command does, and its options. */
export function commandHelp({ name, summary, options, notes }: Command): string {
  return `Usage: lead-gateway ${name}${usageOf(options)}

${summary[0]?.toUpperCase()}${summary.slice(1)}.

${table([...Object.entries(options).map(([key, option]) => [`--${key}${valueOf(option)}`, option.help] as const), ['-h, --help', 'show this text']])}${notes === '' ? '' : `\n${notes}`}`;
}

/** The commands of a group. */
export function groupHelp(group: string, commands: readonly Command[]): string {
  const members = commands.filter(({ name }) => name.startsWith(`${group} `));
  return `Usage: lead-gateway ${group} <command> [options]

${table(members.map(({ name, summary }) => [name, summary] as const))}
lead-gateway ${group} <command> --help shows its options.
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

const GROUPS = ['keys'];
const ASKS_FOR_HELP = new Set(['--help', '-h']);
const ASKS_FOR_VERSION = new Set(['--version', '-V', '-v']);

/**
 * Runs the command in the arguments. Resolves with the exit code, or with null if the process goes on, as with `serve`.
 * Rejects with a CommandFailure.
 */
export async function runCli(args: readonly string[], own: Process): Promise<number | null> {
  const words = wordsOf(args);
  const [first = '', second = ''] = words;
  const isHelp = first === 'help' || args.some((arg) => ASKS_FOR_HELP.has(arg));
  if (isHelp) {
    ignoreClosedPipes();
    return help(first === 'help' ? words.slice(1) : words, await allCommands());
  }
  if (first === 'version' || ASKS_FOR_VERSION.has(args[0] ?? '')) {
    ignoreClosedPipes();
    print(`${own.version}\n`);
    return 0;
  }
  if (first === '' || first === 'serve') return serve.run(first === '' ? args : args.slice(1), own);
  const commands = await allCommands();
  if (GROUPS.includes(first) && second === '') {
    print(groupHelp(first, commands));
    return args.length > 1 ? refuse(args.slice(1).join(' '), commands, first) : 1;
  }
  const { command, rest } = find(args, words, commands);
  if (command.name !== 'sandbox') ignoreClosedPipes();
  return command.run(rest, own);
}

/** Loaded late: `serve` does not need the other commands. */
async function allCommands(): Promise<readonly Command[]> {
  return (await import('./cli.ts')).COMMANDS;
}

/** The words before the first option: a command's name, and any that are too many. */
function wordsOf(args: readonly string[]): string[] {
  const end = args.findIndex((arg) => arg.startsWith('-'));
  return args.slice(0, end === -1 ? args.length : end);
}

function find(
  args: readonly string[],
  words: readonly string[],
  commands: readonly Command[],
): { command: Command; rest: string[] } {
  const [first = '', second = ''] = words;
  const name = GROUPS.includes(first) ? `${first} ${second}` : first;
  const command = commands.find((candidate) => candidate.name === name);
  return command === undefined
    ? refuse(name, commands)
    : { command, rest: args.slice(name.split(' ').length) };
}

function help(words: readonly string[], commands: readonly Command[]): number {
  const [first = '', second = ''] = words;
  if (first === '') print(generalHelp(commands));
  else if (GROUPS.includes(first) && second === '') print(groupHelp(first, commands));
  else if (first === 'help' || first === 'version') print(generalHelp(commands));
  else print(commandHelp(find(words, words, commands).command));
  return 0;
}

function refuse(name: string, commands: readonly Command[], group?: string): never {
  const names = [...commands.map((command) => command.name), ...GROUPS, 'help', 'version'];
  const meant = nearest(name.toLowerCase(), names, 2) ?? names.find((known) => known.split(' ')[1] === name);
  const lines = [
    `lead-gateway: ${JSON.stringify(name)} is not a command${meant === undefined ? '.' : `; did you mean ${meant}?`}`,
    `Usage: lead-gateway ${group ?? ''}${group === undefined ? '' : ' '}[command] [options]; lead-gateway --help lists the commands.`,
  ];
  throw new CommandFailure(EXIT_USAGE, lines);
}
