#!/usr/bin/env node
import { randomBytes, randomUUID } from 'node:crypto';
import { fstatSync, mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { type Config, readConfig, readListenAddress } from './config.ts';
import { examine } from './doctor/examine.ts';
import { examineRedis } from './doctor/examine-redis.ts';
import { type RunningGateway, sandboxOptions, startGateway } from './gateway.ts';
import { askHealth } from './health.ts';
import { openApiFiles } from './http/openapi/files.ts';
import { runKeys } from './keys-command.ts';
import {
  createFileSink,
  createLogWriter,
  createStreamSink,
  type LineSink,
  type LogWriter,
} from './observability/log-writer.ts';
import { createLogger, type Logger } from './observability/logger.ts';
import { prettyLine } from './observability/pretty-line.ts';
import { SANDBOX_CREDENTIALS, startSandbox } from './sandbox/sandbox.ts';

/** sysexits.h: EX_USAGE and EX_CONFIG. */
const EXIT_USAGE = 64;
const EXIT_CONFIG = 78;

/** What listening fails with when it is the address that is wrong. */
const HOST_ERRORS = new Set(['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EAFNOSUPPORT']);

/** How much longer than the grace period stopping may take before it counts as failed. */
const STOP_MARGIN_MS = 1000;
/** The part of it in which a slow reader of the log can catch up. */
const LOG_END_MS = 500;

/** Below the 5 s after which the image's HEALTHCHECK counts as failed without a word. */
const HEALTH_TIMEOUT_MS = 4000;

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

/** Of the command openapi. */
type Options = { readonly out: string | undefined; readonly server: string | undefined };

const COMMANDS: Readonly<Record<string, (options: Options) => void | Promise<void>>> = {
  serve,
  sandbox,
  'check-config': checkConfig,
  doctor,
  health,
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
      options: {
        help: { type: 'boolean' },
        version: { type: 'boolean' },
        out: { type: 'string' },
        server: { type: 'string' },
      },
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
  await command({ out: values.out, server: values.server });
}

async function serve(): Promise<void> {
  // Under load V8 learns that what a request needs first lives long, as the garbage collector counts, and has it made in
  // the old generation, where it keeps the rest of the request alive after its end: a third of all time was spent on that.
  setFlagsFromString('--no-allocation-site-pretenuring');
  const config = configOrExit();
  const { logger, writer } = createStdoutLogger(config);
  const gateway = await startGateway(config, {
    logger,
    version,
    now: Date.now,
    elapsed: () => performance.now(),
    random: Math.random,
    newRequestId: randomUUID,
    randomBytes,
    lostLogLines: writer.lost,
  }).catch((error: unknown) => failToStart(error, config));
  const maxStopMs = config.shutdownGraceMs + STOP_MARGIN_MS;
  const close = async () => {
    await gateway.close();
    await writer.end(LOG_END_MS);
  };
  closeOnSignal(close, maxStopMs);
  closeOnDefect(close, maxStopMs, logger);
  announce(banner(config, gateway));
}

/** The log on standard output, which goes on whatever becomes of that. */
function createStdoutLogger({ logLevel, logPretty }: Config): { logger: Logger; writer: LogWriter } {
  const writer = createLogWriter(stdoutSink(), (lines) => logger.warn({ lines }, 'log lines were lost'));
  process.on('exit', writer.flush);
  const hasColours = process.stdout.isTTY && !process.env['NO_COLOR'];
  const destination = logPretty
    ? { write: (line: string) => writer.write(prettyLine(line, hasColours)) }
    : writer;
  const logger = createLogger({ level: logLevel, destination });
  return { logger, writer };
}

function stdoutSink(): LineSink {
  const stats = fstatSync(1);
  // Everything else is written at once or not at all: files, and devices such as /dev/null.
  return stats.isFIFO() || stats.isSocket() || process.stdout.isTTY
    ? createStreamSink(process.stdout)
    : createFileSink((bytes) => writeSync(1, bytes));
}

async function sandbox(): Promise<void> {
  const config = configOrExit();
  const running = await startSandbox(sandboxOptions(config)).catch((error: unknown) =>
    failToStart(error, config),
  );
  closeOnSignal(running.close, config.shutdownGraceMs + STOP_MARGIN_MS);
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

/** Ends with 1 when anything is wrong. Nothing is stored upstream. */
async function doctor(): Promise<void> {
  const config = configOrExit();
  const { upstream, replicas } = config;
  print('ok     configuration: it has no mistakes\n');
  if (upstream === null) {
    print(
      'note   upstream: none is configured, so the embedded sandbox would be it; nothing else to check\n',
    );
    return;
  }
  const findings = [
    ...(await examine({ ...config, upstream }, { version, now: Date.now })),
    ...(replicas === null ? [] : [await examineRedis(replicas)]),
  ];
  for (const { state, subject, words } of findings) print(`${state.padEnd(6)} ${subject}: ${words}\n`);
  if (findings.some(({ state }) => state === 'fault')) fail(1, []);
}

/** For supervisors without an HTTP client of their own, such as a container's HEALTHCHECK. */
async function health(): Promise<void> {
  const address = readListenAddress(process.env, readText);
  if (!address.ok) return failOnMistakes(address.mistakes);
  const { isUp, words } = await askHealth(address, HEALTH_TIMEOUT_MS);
  if (!isUp) fail(1, [words, '']);
  print(`${words}\n`);
}

/** Writes one document, by its file's name; or all files that describe the API into a folder. */
function openapi({ out, server }: Options): void {
  if (server !== undefined && !(URL.canParse(server) && /^https?:\/\/[^?#@]+$/.test(server))) {
    fail(EXIT_USAGE, ['--server must be a URL such as https://leads.example.com', '']);
  }
  const files = openApiFiles(version, server?.replace(/\/+$/, ''));
  const document = files.get(basename(out ?? '')) ?? files.get('openapi.json') ?? '';
  if (out === undefined) return print(String(document));
  if (out.endsWith('.json')) return writeFileSync(out, document);
  for (const [path, content] of files) {
    const target = join(out, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, content);
  }
}

function keys(args: readonly string[]): void {
  const { exitCode, stdout, stderr } = runKeys(args, { nowMs: Date.now(), randomBytes });
  process.stderr.write(stderr);
  print(stdout);
  if (exitCode !== 0) fail(exitCode, []);
}

function configOrExit(): Config {
  const result = readConfig(process.env, readText);
  return result.ok ? result.config : failOnMistakes(result.mistakes);
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

function failOnMistakes(mistakes: readonly string[]): never {
  return fail(EXIT_CONFIG, [
    'The configuration has mistakes:',
    ...mistakes.map((mistake) => `  ${mistake}`),
    '',
  ]);
}

function banner(config: Config, gateway: RunningGateway): string[] {
  const lines = [
    `lead-gateway ${version} listens on ${gateway.url} (docs: ${gateway.url}/docs)`,
    `  callers   ${describeCallers(config)}`,
    ...(gateway.metricsUrl === null ? [] : [`  metrics   ${gateway.metricsUrl}`]),
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

function failToStart(error: unknown, { host, port, sandboxPort, metricsPort }: Config): never {
  if (!(error instanceof Error)) throw error;
  if ('code' in error && HOST_ERRORS.has(String(error.code))) {
    return fail(1, [`HOST ${host} is no address of this machine (${String(error.code)}).`, '']);
  }
  // Whatever else keeps it from starting, such as a broken state file, says so in its message.
  if (!('port' in error) || !('code' in error)) return fail(1, [error.message, '']);
  const named = { PORT: port, METRICS_PORT: metricsPort, SANDBOX_PORT: sandboxPort };
  const [variable = 'PORT'] = Object.entries(named).flatMap(([name, value]) =>
    value === error.port ? [name] : [],
  );
  const reason = error.code === 'EADDRINUSE' ? 'is in use already' : `cannot be had (${String(error.code)})`;
  return fail(1, [`${variable} ${String(error.port)} ${reason}; set ${variable} to another one.`, '']);
}

/** The first signal ends gracefully, the second at once. */
function closeOnSignal(close: () => Promise<void>, maxMs: number): void {
  let isClosing = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (isClosing) process.exit(signal === 'SIGINT' ? 130 : 143);
    isClosing = true;
    setTimeout(() => fail(1, ['Stopping took too long.', '']), maxMs);
    close().then(
      () => process.exit(process.exitCode ?? 0),
      (error: unknown) => fail(1, [`Stopping failed: ${String(error)}`, '']),
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}

/**
 * After an error nobody caught the state of the process is not to be trusted: whoever was taken in is answered, and the
 * process ends, for its supervisor to start anew. The log shows where the error was, without its message.
 */
function closeOnDefect(close: () => Promise<void>, maxMs: number, logger: Logger): void {
  const onDefect = (defect: unknown) => {
    logger.error({ err: defect }, 'an error nobody caught; stopping');
    // Also when a signal has begun the stopping already.
    process.exitCode = 1;
    setTimeout(() => process.exit(1), maxMs);
    close().then(
      () => process.exit(1),
      () => process.exit(1),
    );
  };
  // Rejections nobody handles come here as well: Node makes exceptions of them.
  process.on('uncaughtException', onDefect);
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
