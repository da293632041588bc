import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { readRegularSync } from '../access/regular-file.ts';
import { type Config, readConfig, readSome } from '../config/config.ts';
import { type Environment, type MergedEnvironment, withEnvFiles } from '../config/files.ts';
import type { Name, Setting, Values } from '../config/schema.ts';
import { hostOrigin } from '../config/kinds.ts';
import { quoted } from '../config/texts.ts';
import { decodeText } from '../text/text-file.ts';
import { CommandFailure, EXIT_CONFIG, type Process } from './command.ts';

export type Loaded = {
  readonly config: Config;
  readonly settings: readonly Setting[];
  readonly warnings: readonly string[];
};

/**
 * The configuration from the environment and from env files.
 * @throws {CommandFailure} 78 with every mistake
 */
export function loadConfig(own: Process, envFiles: readonly string[]): Loaded {
  const read = findConfig(own, envFiles);
  if (!read.ok) throw mistaken(read.mistakes);
  return read;
}

/** The same for a command that reports the mistakes itself. */
export function findConfig(own: Process, envFiles: readonly string[]) {
  const { env, origins, mistakes } = mergedEnvironment(own, envFiles);
  const read = readConfig(env, readText, origins);
  if (mistakes.length > 0) {
    return { ok: false, mistakes: [...mistakes, ...(read.ok ? [] : read.mistakes)] } as const;
  }
  return read;
}

/**
 * Some variables alone.
 * @throws {CommandFailure} 78 with every mistake in them
 */
export function loadSome<Some extends Name>(
  own: Process,
  envFiles: readonly string[],
  names: readonly Some[],
): Pick<Values, Some> {
  const { env, mistakes } = mergedEnvironment(own, envFiles);
  if (mistakes.length > 0) throw mistaken(mistakes);
  const read = readSome(env, readText, names);
  if (!read.ok) throw mistaken(read.mistakes);
  return read.values;
}

function mergedEnvironment({ env: own }: Process, envFiles: readonly string[]): MergedEnvironment {
  const merged = withEnvFiles(comparable(own), envFiles, readText);
  // OpenTelemetry and others read their own variables from the process.
  for (const name of merged.origins.keys()) own[name] = merged.env[name];
  return merged;
}

/** On Windows names are not case-sensitive. */
function comparable(env: Environment): Environment {
  if (process.platform !== 'win32') return env;
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name.toUpperCase(), value]));
}

/** The failure of a command whose configuration has mistakes. */
export function mistaken(mistakes: readonly string[]): CommandFailure {
  return new CommandFailure(EXIT_CONFIG, [
    'The configuration has mistakes:',
    ...mistakes.map((mistake) => `  ${mistake}`),
  ]);
}

/** What pipes had, which is read once: commands that try both APIs read the configuration for each. */
const piped = new Map<string, string>();

/**
 * A file's text; for the configuration of this process it may also come from a pipe, such as `<(…)` of a shell.
 *
 * @throws {TextEncodingError} if it is not in UTF-8, or the error of reading
 */
export function readText(path: string, when: 'once' | 'again' = 'once'): string {
  if (when === 'again') return decodeText(readRegularSync(path));
  if (!statSync(path).isFIFO()) return decodeText(readFileSync(path));
  const text = piped.get(path) ?? decodeText(readFileSync(path));
  piped.set(path, text);
  return text;
}

/** Ports below it may be refused to an ordinary user (IANA, system ports). */
const FIRST_FREE_PORT = 1024;

/**
 * Which addresses of the configuration this machine cannot listen on. Only the system knows its addresses and names, so
 * this listens for a moment. A port in use is not a mistake: the gateway itself may be running.
 */
export async function listenComplaints(config: Config): Promise<string[]> {
  const complaints = new Set<string>();
  for (const place of placesOf(config)) {
    const code = await listeningCode(place.host, place.port < FIRST_FREE_PORT ? place.port : 0);
    if (code === undefined || code === 'EADDRINUSE') continue;
    complaints.add(
      hostFailure(place.variable, place.host, code) ??
        `${place.portVariable} ${place.port} is not available (${code}); set ${place.portVariable} to another port, ${FIRST_FREE_PORT} or higher`,
    );
  }
  return [...complaints];
}

/** What to throw when the gateway could not be started: names every port in use, not only the first one tried. */
export async function startFailure(error: unknown, config: Config): Promise<unknown> {
  if (error instanceof Error && error.name === 'UnusableStore') {
    return new CommandFailure(EXIT_CONFIG, [error.message]);
  }
  const first = listenFailure(error, config);
  if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) return first;
  const lines: string[] = [];
  for (const { host, port, portVariable } of placesOf(config)) {
    if (port !== 0 && (await listeningCode(host, port)) === 'EADDRINUSE')
      lines.push(inUse(portVariable, port));
  }
  return lines.length > 1 ? new CommandFailure(1, lines) : first;
}

function placesOf(config: Config) {
  const { host, port, metricsPort, sandboxHost, sandboxPort, upstream } = config;
  return [
    { variable: 'HOST', host, portVariable: 'PORT', port },
    ...(metricsPort === null
      ? []
      : [{ variable: 'HOST', host, portVariable: 'METRICS_PORT', port: metricsPort }]),
    ...(upstream === null
      ? [{ variable: 'SANDBOX_HOST', host: sandboxHost, portVariable: 'SANDBOX_PORT', port: sandboxPort }]
      : []),
  ];
}

/** The code of the error with which listening fails, if it does. */
function listeningCode(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

/** The codes with which listening fails if the address is wrong. */
const NO_ADDRESS = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']);
const NO_NAME = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NONAME', 'EAI_NODATA', 'EAI_FAIL']);

/** What is wrong with the address in a variable, by the code of the error; undefined for any other error. */
function hostFailure(variable: string, host: string, code: string): string | undefined {
  if (NO_NAME.has(code)) {
    return `${variable} ${quoted(host)} cannot be looked up (${code})${hostOrigin(host)}`;
  }
  if (!NO_ADDRESS.has(code)) return undefined;
  return `${variable} ${quoted(host)} is not an address of this machine (${code})${hostOrigin(host)}`;
}

/** What to throw when a server could not be started: names the variable at fault. */
export function listenFailure(error: unknown, config: Config): unknown {
  if (!(error instanceof Error)) return error;
  // Any other cause, such as a broken state file, is in the message.
  if (!('code' in error)) return failure(error.message);
  const { host, port, sandboxHost, sandboxPort, metricsPort } = config;
  const code = String(error.code);
  // A failed listen has `address`, a failed lookup `hostname`.
  const tried = 'address' in error ? error.address : 'hostname' in error ? error.hostname : host;
  const variable = tried === sandboxHost && tried !== host ? 'SANDBOX_HOST' : 'HOST';
  const complaint = hostFailure(variable, variable === 'HOST' ? host : sandboxHost, code);
  if (complaint !== undefined) return failure(`${complaint}.`);
  if (!('port' in error)) return failure(error.message);
  const named = { PORT: port, METRICS_PORT: metricsPort, SANDBOX_PORT: sandboxPort };
  const [portVariable = 'PORT'] = Object.entries(named).flatMap(([name, value]) =>
    value === error.port ? [name] : [],
  );
  if (code === 'EADDRINUSE') return failure(inUse(portVariable, Number(error.port)));
  return failure(
    `${portVariable} ${String(error.port)} is not available (${code}); set ${portVariable} to another port.`,
  );
}

function inUse(variable: string, port: number): string {
  return `${variable} ${port} is already in use; set ${variable} to another port.`;
}

function failure(line: string): CommandFailure {
  return new CommandFailure(1, [line]);
}
