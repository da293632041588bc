import { createServer } from 'node:net';
import type { Config } from '../config/config.ts';
import { CommandFailure } from './command.ts';
import { hostOrigin } from '../config/kinds.ts';
import { quoted } from '../config/texts.ts';

/** Below it an ordinary user may be refused a port (IANA, system ports). */
const FIRST_FREE_PORT = 1024;

/**
 * Says which addresses of the configuration this machine cannot listen on, by listening for a moment: only the system
 * knows its addresses and names. Ports in use are no mistake, since the gateway itself may be running.
 */
export async function listenComplaints(config: Config): Promise<string[]> {
  const complaints = new Set<string>();
  for (const place of placesOf(config)) {
    const code = await listeningCode(place.host, place.port < FIRST_FREE_PORT ? place.port : 0);
    if (code === undefined || code === 'EADDRINUSE') continue;
    complaints.add(
      hostFailure(place.variable, place.host, code) ??
        `${place.portVariable} ${place.port} cannot be had (${code}); set ${place.portVariable} to another one, ${FIRST_FREE_PORT} or higher`,
    );
  }
  return [...complaints];
}

/** What to throw when the gateway could not be started: every port that is in use, and not the first one tried alone. */
export async function startFailure(error: unknown, config: Config): Promise<unknown> {
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

/** The code of the error that listening gives, if any. */
function listeningCode(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}

/** What listening fails with when it is the address that is wrong. */
const NO_ADDRESS = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']);
const NO_NAME = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NONAME', 'EAI_NODATA', 'EAI_FAIL']);

/** What is wrong with the address of a variable by the code of the error; undefined when it is something else. */
function hostFailure(variable: string, host: string, code: string): string | undefined {
  if (NO_NAME.has(code)) {
    return `${variable} ${quoted(host)} cannot be looked up (${code})${hostOrigin(host)}`;
  }
  if (!NO_ADDRESS.has(code)) return undefined;
  return `${variable} ${quoted(host)} is no address of this machine (${code})${hostOrigin(host)}`;
}

/** What to throw when a server could not be started, with the variable that is at fault. */
export function listenFailure(error: unknown, config: Config): unknown {
  if (!(error instanceof Error)) return error;
  // Whatever else keeps it from starting, such as a broken state file, says so in its message.
  if (!('code' in error)) return failure(error.message);
  const { host, port, sandboxHost, sandboxPort, metricsPort } = config;
  const code = String(error.code);
  // Listening names the address it tried, looking up the name.
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
    `${portVariable} ${String(error.port)} cannot be had (${code}); set ${portVariable} to another one.`,
  );
}

/** The line for a port somebody else has. */
function inUse(variable: string, port: number): string {
  return `${variable} ${port} is in use already; set ${variable} to another one.`;
}

function failure(line: string): CommandFailure {
  return new CommandFailure(1, [line]);
}
