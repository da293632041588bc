#!/usr/bin/env node
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { checkConfig } from './cli/check-config.ts';
import { doctor } from './cli/doctor/doctor.ts';
import { health } from './cli/health.ts';
import { runKeys } from './cli/keys.ts';
import { openapi, type OpenApiOptions } from './cli/openapi.ts';
import { announce, CommandFailure, EXIT_USAGE, print, type Process } from './cli/process.ts';
import { sandbox } from './cli/sandbox.ts';
import { serve } from './cli/serve.ts';

const USAGE = `Usage: lead-gateway [command]

  serve                  run the gateway (the default)
  sandbox                run the sandbox alone, on SANDBOX_PORT
  check-config           check the environment variables, report every mistake
  doctor                 say what keeps the gateway from writing to its upstream
  health                 say whether the gateway that runs on HOST and PORT is up; ends with 1 when it is not
  openapi [--out PATH] [--server URL]
                         write the OpenAPI document; into a folder, everything made of it
  keys                   make, list and revoke keys of callers (keys --help)

  --help, --version

The configuration is read from environment variables; the README lists them.
`;

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const PROCESS: Process = { env: process.env, version, exit: (code) => process.exit(code) };

const COMMANDS: Readonly<Record<string, (own: Process, options: OpenApiOptions) => void | Promise<void>>> = {
  serve,
  sandbox,
  'check-config': checkConfig,
  doctor,
  health,
  openapi,
};

try {
  await main();
} catch (error) {
  if (!(error instanceof CommandFailure)) throw error;
  announce(error.lines);
  process.exit(error.exitCode);
}

async function main(): Promise<void> {
  // Its options are its own.
  if (process.argv[2] === 'keys') return keys(process.argv.slice(3));
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        help: { type: 'boolean' },
        version: { type: 'boolean' },
        out: { type: 'string' },
        server: { type: 'string' },
      },
    });
  } catch (error) {
    throw misused(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  if (values.help === true) return print(USAGE);
  if (values.version === true) return print(`${version}\n`);
  const [name = 'serve', ...rest] = positionals;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined || rest.length > 0) throw misused(`Unknown command: ${positionals.join(' ')}`);
  await command(PROCESS, { out: values.out, server: values.server });
}

function misused(complaint: string): CommandFailure {
  return new CommandFailure(EXIT_USAGE, [complaint, '', USAGE]);
}

function keys(args: readonly string[]): void {
  const { exitCode, stdout, stderr } = runKeys(args, { nowMs: Date.now(), randomBytes });
  process.stderr.write(stderr);
  print(stdout);
  if (exitCode !== 0) throw new CommandFailure(exitCode, []);
}
