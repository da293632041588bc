import type { Config } from '../config/config.ts';
import { hostOrigin } from '../config/hosts.ts';
import { quoted } from '../config/texts.ts';
import { CommandFailure } from './process.ts';

/** What listening fails with when it is the address that is wrong. */
const NO_ADDRESS = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']);
const NO_NAME = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_NONAME', 'EAI_NODATA', 'EAI_FAIL']);

/** What is wrong with the address of a variable by the code of the error; undefined when it is something else. */
export function hostFailure(variable: string, host: string, code: string): string | undefined {
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
export function inUse(variable: string, port: number): string {
  return `${variable} ${port} is in use already; set ${variable} to another one.`;
}

function failure(line: string): CommandFailure {
  return new CommandFailure(1, [line]);
}
