import { get } from 'node:http';
import { localUrl, reachableHost } from '../text/local-url.ts';
import { CommandFailure, defineCommand, ENV_FILE, JSON_OUTPUT, print, printJson } from './command.ts';
import { loadSome } from './configuration.ts';

export type Health = { readonly isUp: boolean; /** One sentence. */ readonly message: string };

/**
 * Asks the gateway on `host` and `port` for `GET /healthz` (docs/operations.md#health) and says in one sentence what it
 * answered. Never rejects; takes at most `timeoutMs`. It is up if it answers 200.
 */
export async function askHealth(
  { host, port }: { readonly host: string; readonly port: number },
  timeoutMs: number,
): Promise<Health> {
  if (port === 0)
    return { isUp: false, message: 'PORT is 0, so the port the gateway listens on is not known.' };
  const url = `${localUrl(host, port)}/healthz`;
  return new Promise((resolve) => {
    // Not with fetch, which in later versions of Node may use a proxy of the environment.
    const options = {
      host: reachableHost(host),
      port,
      path: '/healthz',
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
    } as const;
    const request = get(options, (response) => {
      response.resume();
      const { statusCode } = response;
      if (statusCode === 200) resolve({ isUp: true, message: `The gateway is up: ${url} answered 200.` });
      else resolve({ isUp: false, message: `The gateway is not healthy: ${url} answered ${statusCode}.` });
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.name === 'AbortError' ? `no answer in ${timeoutMs / 1000} s` : (error.code ?? error.name);
      resolve({ isUp: false, message: `The gateway does not answer at ${url} (${reason}).` });
    });
  });
}

/** Less than the 5 s after which the image's HEALTHCHECK fails without a message. */
const TIMEOUT_MS = 4000;

/** `lead-gateway health`: for supervisors without an HTTP client of their own, such as a container's HEALTHCHECK. */
export const health = defineCommand({
  name: 'health',
  summary: 'check that the gateway on HOST and PORT is up; exits with 1 if it is not',
  options: { ...ENV_FILE, ...JSON_OUTPUT },
  run: async (own, { 'env-file': envFiles, json }) => {
    const { HOST: host, PORT: port } = loadSome(own, envFiles, ['HOST', 'PORT']);
    const { isUp, message } = await askHealth({ host, port }, TIMEOUT_MS);
    if (json) printJson({ isUp, message });
    else if (isUp) print(`${message}\n`);
    if (!isUp) throw new CommandFailure(1, json ? [] : [message]);
    return 0;
  },
});
