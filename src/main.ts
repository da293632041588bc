#!/usr/bin/env node
import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Config, readConfig } from './config.ts';
import { sandboxOptions, startGateway } from './gateway.ts';
import { buildOpenApi } from './http/openapi.ts';
import { runKeys } from './keys-command.ts';
import { createLogger } from './observability/logger.ts';
import { SANDBOX_CREDENTIALS, startSandbox } from './sandbox/sandbox.ts';

/** sysexits.h: EX_USAGE and EX_CONFIG. */
const EXIT_USAGE = 64;
const EXIT_CONFIG = 78;

const USAGE = `Usage: lead-gateway [command]

  serve                  run the gateway (the default)
  sandbox                run the sandbox alone, on SANDBOX_PORT
  check-config           check the environment variables, report every mistake
  openapi [--out FILE]   write the OpenAPI document
  keys                   make, list and revoke keys of callers (keys --help)

  --help, --version

The configuration is read from environment variables; the README lists them.
`;

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const COMMANDS: Readonly<Record<string, (options: { out: string | undefined }) => void | Promise<void>>> = {
  serve,
  sandbox,
  'check-config': checkConfig,
  openapi,
};

await main();

async function main(): Promise<void> {
  // Its options are its own.
  if (process.argv[2] === 'keys') return keys(process.argv.slice(3));
  let parsed;
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: { help: { type: 'boolean' }, version: { type: 'boolean' }, out: { type: 'string' } },
    });
  } catch (error) {
    fail(EXIT_USAGE, [error instanceof Error ? error.message : String(error), '', USAGE]);
  }
  const { values, positionals } = parsed;
  if (values.help === true) return print(USAGE);
  if (values.version === true) return print(`${version}\n`);
  const [name = 'serve', ...rest] = positionals;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined || rest.length > 0) {
    fail(EXIT_USAGE, [`Unknown command: ${positionals.join(' ')}`, '', USAGE]);
  }
  await command({ out: values.out });
}

async function serve(): Promise<void> {
  const config = configOrExit();
  const logger = createLogger({ level: config.logLevel });
  const gateway = await startGateway(config, {
    logger,
    version,
    now: Date.now,
    elapsed: () => performance.now(),
    random: Math.random,
    newRequestId: randomUUID,
  }).catch((error: unknown) => failToStart(error, config));
  closeOnSignal(gateway.close);
  announce(banner(config, gateway));
}

async function sandbox(): Promise<void> {
  const config = configOrExit();
  const running = await startSandbox(sandboxOptions(config)).catch((error: unknown) =>
    failToStart(error, config),
  );
  closeOnSignal(running.close);
  announce([
    `The sandbox listens on ${running.url}`,
    `  SOAP endpoint   ${running.endpoint} (WSDL: ${running.endpoint}?WSDL)`,
    `  user id         ${SANDBOX_CREDENTIALS.userId} (the README has its encryption key)`,
    `  control         ${running.url}/_sandbox`,
  ]);
}

function checkConfig(): void {
  const config = configOrExit();
  const upstream = config.upstream === null ? 'the embedded sandbox' : config.upstream.endpoint.href;
  print(`The configuration is valid. The upstream is ${upstream}.\n`);
}

function openapi({ out }: { out: string | undefined }): void {
  const document = `${JSON.stringify(buildOpenApi(version), null, 2)}\n`;
  if (out === undefined) print(document);
  else writeFileSync(out, document);
}

function keys(args: readonly string[]): void {
  const { exitCode, stdout, stderr } = runKeys(args, { nowMs: Date.now(), randomBytes });
  process.stderr.write(stderr);
  print(stdout);
  if (exitCode !== 0) fail(exitCode, []);
}

function configOrExit(): Config {
  const result = readConfig(process.env, (path) => readFileSync(path, 'utf8'));
  if (result.ok) return result.config;
  return fail(EXIT_CONFIG, [
    'The configuration has mistakes:',
    ...result.mistakes.map((mistake) => `  ${mistake}`),
    '',
  ]);
}

function banner(config: Config, gateway: { url: string; sandboxUrl: string | null }): string[] {
  const lines = [
    `lead-gateway ${version} listens on ${gateway.url} (docs: ${gateway.url}/docs)`,
    `  callers   ${describeCallers(config)}`,
  ];
  if (gateway.sandboxUrl === null) return [...lines, `  upstream  ${config.upstream?.endpoint.href ?? ''}`];
  return [
    ...lines,
    `  upstream  THE EMBEDDED SANDBOX: nothing reaches Marketo. See its leads at ${gateway.sandboxUrl}/_sandbox/leads`,
  ];
}

function describeCallers({ access: { keysFile, token } }: Config): string {
  const known = [
    ...(keysFile === undefined ? [] : [`the keys in ${keysFile}`]),
    ...(token === null ? [] : [`tokens of ${token.issuer}`]),
  ];
  return known.length > 0
    ? known.join(', ')
    : 'NOT AUTHENTICATED: whoever reaches this address may write leads';
}

function failToStart(error: unknown, { port, sandboxPort }: Config): never {
  if (!(error instanceof Error)) throw error;
  // Whatever else keeps it from starting, such as a broken state file, says so in its message.
  if (!('port' in error) || !('code' in error)) return fail(1, [error.message, '']);
  const variable = error.port === sandboxPort && error.port !== port ? 'SANDBOX_PORT' : 'PORT';
  const reason = error.code === 'EADDRINUSE' ? 'is in use already' : `cannot be had (${String(error.code)})`;
  return fail(1, [`${variable} ${String(error.port)} ${reason}; set ${variable} to another one.`, '']);
}

/** The first signal ends gracefully, the second at once. */
function closeOnSignal(close: () => Promise<void>): void {
  let isClosing = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (isClosing) process.exit(signal === 'SIGINT' ? 130 : 143);
    isClosing = true;
    close().then(
      () => process.exit(0),
      (error: unknown) => fail(1, [`Stopping failed: ${String(error)}`, '']),
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}

/** For people, on standard error: standard output belongs to the log. */
function announce(lines: readonly string[]): void {
  process.stderr.write(`${lines.join('\n')}\n`);
}

function print(text: string): void {
  process.stdout.write(text);
}

function fail(exitCode: number, lines: readonly string[]): never {
  process.stderr.write(lines.join('\n'));
  process.exit(exitCode);
}
