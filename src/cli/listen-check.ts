import { createServer } from 'node:net';
import type { Config } from '../config/config.ts';
import { hostFailure, inUse, listenFailure } from './listen-failure.ts';
import { CommandFailure } from './process.ts';

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
