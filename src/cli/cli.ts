import { nearest } from '../text/edit-distance.ts';
import { type Command } from './command.ts';
import { commandHelp, generalHelp, groupHelp } from './help.ts';
import { bearClosedPipes, CommandFailure, EXIT_USAGE, print, type Process } from './process.ts';
import { serve } from './serve.ts';

const GROUPS = ['keys'];
const ASKS_FOR_HELP = new Set(['--help', '-h']);
const ASKS_FOR_VERSION = new Set(['--version', '-V', '-v']);

/**
 * Runs what the arguments say. Resolves with the exit code; null: the process goes on, as `serve` does.
 * Rejects with a CommandFailure.
 */
export async function runCli(args: readonly string[], own: Process): Promise<number | null> {
  const words = wordsOf(args);
  const [first = '', second = ''] = words;
  const isHelp = first === 'help' || args.some((arg) => ASKS_FOR_HELP.has(arg));
  if (isHelp) {
    bearClosedPipes();
    return help(first === 'help' ? words.slice(1) : words, await allCommands());
  }
  if (first === 'version' || ASKS_FOR_VERSION.has(args[0] ?? '')) {
    bearClosedPipes();
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
  if (command.name !== 'sandbox') bearClosedPipes();
  return command.run(rest, own);
}

/** The start of the gateway does not wait for what only the other commands need. */
async function allCommands(): Promise<readonly Command[]> {
  return (await import('./commands.ts')).COMMANDS;
}

/** What stands before the first option: a command's name, and what is too much. */
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
    `lead-gateway: ${JSON.stringify(name)} is no command${meant === undefined ? '.' : `; did you mean ${meant}?`}`,
    `Usage: lead-gateway ${group ?? ''}${group === undefined ? '' : ' '}[command] [options]; lead-gateway --help lists them.`,
  ];
  throw new CommandFailure(EXIT_USAGE, lines);
}
