#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import module from 'node:module';
import { announce, CommandFailure } from './cli/command.ts';

type CompileCache = typeof module & { readonly enableCompileCache?: () => void };

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// Keeps compiled code between starts, from Node 22.8 on (docs/performance.md#start); only for modules loaded from here on.
(module as CompileCache).enableCompileCache?.();
const { runCli } = await import('./cli/cli.ts');

try {
  const exitCode = await runCli(process.argv.slice(2), {
    env: process.env,
    version,
    exit: (code) => process.exit(code),
  });
  // Not by exit(): what was printed to a slow pipe has to get out first.
  if (exitCode !== null) process.exitCode = exitCode;
} catch (error) {
  if (!(error instanceof CommandFailure)) throw error;
  announce(error.lines);
  process.exitCode = error.exitCode;
  // What a start that failed half-way has left open must not keep the process.
  setTimeout(() => process.exit(), 500).unref();
}
