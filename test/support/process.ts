import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { vi, onTestFinished } from 'vitest';
import { runCli } from '../../src/cli/cli.ts';
import { CommandFailure } from '../../src/cli/command.ts';
import { record } from './recordings.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type Run = {
  readonly child: ChildProcess;
  readonly output: () => { readonly stdout: string; readonly stderr: string };
  /** Resolves when the pattern stands in what the process has written to standard error. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>;
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
};

/** Runs the built command line with nothing but the given environment, as another user if the test is root's. */
export function runMain(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  user: { readonly uid?: number; readonly gid?: number } = {},
): Run {
  const child = spawn(process.execPath, ['dist/main.js', ...args], { cwd: ROOT, env, ...user });
  // A new key is shown, once, on standard output.
  const showsKey = args[0] === 'keys' && args[1] === 'create';
  return watch(child, showsKey ? (_stdout, stderr) => record(stderr) : undefined);
}

export type Serving = { readonly run: Run; readonly url: string; readonly sandboxUrl: string };

/** Free ports, and no line in the log for a request. */
export const QUIET = { PORT: '0', SANDBOX_PORT: '0', LOG_LEVEL: 'warn' };

/** Runs `serve` with its embedded sandbox until both listen. */
export function runServe(env: Readonly<Record<string, string>> = {}): Promise<Serving> {
  return untilServing(runMain(['serve'], { ...QUIET, ...env }));
}

export async function untilServing(run: Run): Promise<Serving> {
  const [, url = ''] = await run.waitFor(/listens on (http:\S+)/);
  const [, sandboxUrl = ''] = await run.waitFor(/(http:\/\/127\.0\.0\.1:\d+)\/_sandbox/);
  return { run, url, sandboxUrl };
}

/** Runs a script of `sh` with nothing but the given environment; what it leaves behind is ended after the test. */
export function runScript(script: string, env: Readonly<Record<string, string>> = {}): Run {
  const child = spawn('sh', ['-c', script], { cwd: ROOT, env, detached: true });
  const run = watch(child);
  // Before the shell's end is waited for: hooks run in reverse order.
  onTestFinished(() => {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch {
      // Nothing of it is left.
    }
  });
  return run;
}

function watch(
  child: ChildProcessWithoutNullStreams,
  keep = (stdout: string, stderr: string) => record(stdout + stderr),
): Run {
  let stdout = '';
  let stderr = '';
  let onOutput = () => {};
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
    onOutput();
  });
  const ended = new Promise<number | string>((resolve) => {
    child.on('close', (code, signal) => {
      keep(stdout, stderr);
      onOutput();
      resolve(code ?? signal ?? 'unknown');
    });
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const waitFor = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      onOutput = () => {
        const match = pattern.exec(stderr);
        if (match) resolve(match);
        else if (child.exitCode !== null) reject(new Error(`ended: ${stderr}${stdout}`));
      };
      onOutput();
    });
  return { child, output: () => ({ stdout, stderr }), waitFor, ended };
}

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
