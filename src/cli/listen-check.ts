import { createServer } from 'node:net';
import type { Config } from '../config/config.ts';
import { hostFailure } from './listen-failure.ts';

/** Below it an ordinary user may be refused a port (IANA, system ports). */
const FIRST_FREE_PORT = 1024;

/**
 * Says which addresses of the configuration this machine cannot listen on, by listening for a moment: only the system
 * knows its addresses and names. Ports in use are no mistake, since the gateway itself may be running.
 */
export async function listenComplaints(config: Config): Promise<string[]> {
  const { host, port, metricsPort, sandboxHost, sandboxPort, upstream } = config;
  const places = [
    { variable: 'HOST', host, portVariable: 'PORT', port },
    ...(metricsPort === null
      ? []
      : [{ variable: 'HOST', host, portVariable: 'METRICS_PORT', port: metricsPort }]),
    ...(upstream === null
      ? [{ variable: 'SANDBOX_HOST', host: sandboxHost, portVariable: 'SANDBOX_PORT', port: sandboxPort }]
      : []),
  ];
  const complaints = new Set<string>();
  for (const place of places) {
    const code = await listeningCode(place.host, place.port < FIRST_FREE_PORT ? place.port : 0);
    if (code === undefined || code === 'EADDRINUSE') continue;
    complaints.add(
      hostFailure(place.variable, place.host, code) ??
        `${place.portVariable} ${place.port} cannot be had (${code}); set ${place.portVariable} to another one, ${FIRST_FREE_PORT} or higher`,
    );
  }
  return [...complaints];
}

/** The code of the error that listening gives, if any. */
function listeningCode(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}
