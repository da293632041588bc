import type { Config } from '../config/config.ts';
import { CommandFailure } from './process.ts';

/** What listening fails with when it is the address that is wrong. */
const HOST_ERRORS = new Set(['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EAFNOSUPPORT']);

/** What to throw when a server could not be started, with the variable that is at fault. */
export function listenFailure(error: unknown, { host, port, sandboxPort, metricsPort }: Config): unknown {
  if (!(error instanceof Error)) return error;
  if ('code' in error && HOST_ERRORS.has(String(error.code))) {
    return failure(`HOST ${host} is no address of this machine (${String(error.code)}).`);
  }
  // Whatever else keeps it from starting, such as a broken state file, says so in its message.
  if (!('port' in error) || !('code' in error)) return failure(error.message);
  const named = { PORT: port, METRICS_PORT: metricsPort, SANDBOX_PORT: sandboxPort };
  const [variable = 'PORT'] = Object.entries(named).flatMap(([name, value]) =>
    value === error.port ? [name] : [],
  );
  const reason = error.code === 'EADDRINUSE' ? 'is in use already' : `cannot be had (${String(error.code)})`;
  return failure(`${variable} ${String(error.port)} ${reason}; set ${variable} to another one.`);
}

function failure(line: string): CommandFailure {
  return new CommandFailure(1, [line]);
}
