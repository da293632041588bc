import {
  announce,
  ignoreClosedPipes,
  type Command,
  CommandFailure,
  EXIT_USAGE,
  type Options,
  print,
  type Process,
} from './command.ts';
import { nearest } from '../text/nearest-name.ts';

/** Loads a command by its name, in the order in which help lists them. A command starts without the others' modules. */
const LOADERS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.ts')).serve,
  sandbox: async () => (await import('./sandbox.ts')).sandbox,
  'check-config': async () => (await import('./check-config.ts')).checkConfig,
  doctor: async () => (await import('./doctor/doctor.ts')).doctor,
  fields: async () => (await import('./fields.ts')).fields,
  'check-leads': async () => (await import('./check-leads.ts')).checkLeads,
  import: async () => (await import('./import/import.ts')).importLeads,
  map: async () => (await import('./map.ts')).map,
  health: async () => (await import('./health.ts')).health,
  simulate: async () => (await import('./simulate.ts')).simulate,
  openapi: async () => (await import('./openapi.ts')).openapi,
  'keys create': async () => (await import('./keys.ts')).createKey,
  'keys list': async () => (await import('./keys.ts')).listKeys,
  'keys revoke': async () => (await import('./keys.ts')).revokeKey,
  'outbox status': async () => (await import('./outbox/commands.ts')).showStatus,
  'outbox list': async () => (await import('./outbox/commands.ts')).listLeads,
  'outbox show': async () => (await import('./outbox/commands.ts')).showLead,
  'outbox retry': async () => (await import('./outbox/commands.ts')).retryLeads,
  'outbox discard': async () => (await import('./outbox/commands.ts')).discardLead,
  'outbox export': async () => (await import('./outbox/commands.ts')).exportLeads,
  'outbox forget': async () => (await import('./outbox/commands.ts')).forgetPerson,
};

export function loadCommands(): Promise<readonly Command[]> {
  return Promise.all(Object.values(LOADERS).map((load) => load()));
}

const INDENT = '  ';

const EXIT_CODES = `Exit codes: 0 success; 1 it failed, or something is wrong; 64 wrong arguments; 78 a mistake in the configuration;
130 and 143 a second signal during shutdown.
`;

/** The list of commands. */
function generalHelp(commands: readonly Command[]): string {
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
function commandHelp({ name, summary, options, argument, notes }: Command): string {
  return `Usage: lead-gateway ${name}${argument === '' ? '' : ` ${argument}`}${usageOf(options)}

${summary[0]?.toUpperCase()}${summary.slice(1)}.

${table([...Object.entries(options).map(([key, option]) => [`--${key}${valueOf(option)}`, option.help] as const), ['-h, --help', 'show this text']])}${notes === '' ? '' : `\n${notes}`}`;
}

/** The commands of a group. */
function groupHelp(group: string, commands: readonly Command[]): string {
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

const GROUPS = ['keys', 'outbox'];
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
    return help(first === 'help' ? words.slice(1) : words);
  }
  if (first === 'version' || ASKS_FOR_VERSION.has(args[0] ?? '')) {
    ignoreClosedPipes();
    print(`${own.version}\n`);
    return 0;
  }
  if (GROUPS.includes(first) && second === '') {
    print(groupHelp(first, await loadCommands()));
    return args.length > 1 ? refuse(args.slice(1).join(' '), first) : 1;
  }
  const name = first === '' ? 'serve' : nameOf(words);
  const command = await loadCommand(name);
  if (name !== 'serve' && name !== 'sandbox') ignoreClosedPipes();
  return command.run(first === '' ? args : args.slice(name.split(' ').length), own);
}

/** Says why a command failed, and returns its exit code. Rethrows any other error. */
export function reportFailure(error: unknown): number {
  if (!(error instanceof CommandFailure)) throw error;
  announce(error.lines);
  return error.exitCode;
}

/** The words before the first option: a command's name, and any that are too many. */
function wordsOf(args: readonly string[]): string[] {
  const end = args.findIndex((arg) => arg.startsWith('-'));
  return args.slice(0, end === -1 ? args.length : end);
}

function nameOf([first = '', second = '']: readonly string[]): string {
  return GROUPS.includes(first) ? `${first} ${second}` : first;
}

async function loadCommand(name: string): Promise<Command> {
  const load = Object.hasOwn(LOADERS, name) ? LOADERS[name] : undefined;
  return load === undefined ? refuse(name) : load();
}

async function help(words: readonly string[]): Promise<number> {
  const [first = '', second = ''] = words;
  if (GROUPS.includes(first) && second === '') print(groupHelp(first, await loadCommands()));
  else if (['', 'help', 'version'].includes(first)) print(generalHelp(await loadCommands()));
  else print(commandHelp(await loadCommand(nameOf(words))));
  return 0;
}

function refuse(name: string, group?: string): never {
  const names = [...Object.keys(LOADERS), ...GROUPS, 'help', 'version'];
  const meant = nearest(name.toLowerCase(), names, 2) ?? names.find((known) => known.split(' ')[1] === name);
  const lines = [
    `lead-gateway: ${JSON.stringify(name)} is not a command${meant === undefined ? '.' : `; did you mean ${meant}?`}`,
    `Usage: lead-gateway ${group ?? ''}${group === undefined ? '' : ' '}[command] [options]; lead-gateway --help lists the commands.`,
  ];
  throw new CommandFailure(EXIT_USAGE, lines);
}
