import { readFileSync } from 'node:fs';
import { vi } from 'vitest';
import { runCli } from '../../src/cli/cli.ts';
import { CommandFailure } from '../../src/cli/command.ts';
import { record } from './record.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

export type CommandResult = {
  /** Null: the process would go on. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

/**
 * Runs a command that prints and ends, in this process, with nothing but the given environment. What belongs to the
 * process (signals, streams, a server that goes on) is tested with `runMain`.
 */
export async function runCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const output = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      output[name] += String(text);
      return true;
    }),
  );
  const own = { env: { ...env }, version, exit: endProcess };
  try {
    return { exitCode: await runCli(args, own), ...output };
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    const stderr = [output.stderr, ...error.lines.map((line) => `${line}\n`)].join('');
    return { exitCode: error.exitCode, stdout: output.stdout, stderr };
  } finally {
    for (const spy of spies) spy.mockRestore();
    // A new key is shown, once, on standard output.
    const showsKey = args[0] === 'keys' && args[1] === 'create';
    record(showsKey ? output.stderr : output.stdout + output.stderr);
  }
}

function endProcess(): never {
  throw new Error('a command that ends by itself does not end the process');
}
