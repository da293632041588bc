#!/usr/bin/env node
import { existsSync, readFileSync } from 'node:fs';
import module from 'node:module';
import type * as Cli from './cli/cli.ts';

type CompileCache = typeof module & { readonly enableCompileCache?: () => void };

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// Keeps compiled code between starts, from Node 22.8 on (docs/performance.md#start); only for modules loaded from here on.
(module as CompileCache).enableCompileCache?.();
// The build joins the modules with the packages that they load; the published package has only the modules.
const bundle = new URL('bundle/cli.js', import.meta.url);
const cli = existsSync(bundle) ? ((await import(bundle.href)) as typeof Cli) : await import('./cli/cli.ts');
const { reportFailure, runCli } = cli;

try {
  const exitCode = await runCli(process.argv.slice(2), {
    env: process.env,
    version,
    exit: (code) => process.exit(code),
  });
  // Not by exit(): what was printed to a slow pipe has to get out first.
  if (exitCode !== null) process.exitCode = exitCode;
} catch (error) {
  process.exitCode = reportFailure(error);
  // What a start that failed half-way has left open must not keep the process.
  setTimeout(() => process.exit(), 500).unref();
}
