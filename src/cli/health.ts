import { askHealth } from './ask-health.ts';
import { defineCommand, ENV_FILE, JSON_OUTPUT } from './command.ts';
import { loadSome } from './configuration.ts';
import { CommandFailure, print, printJson } from './process.ts';

/** Below the 5 s after which the image's HEALTHCHECK counts as failed without a word. */
const TIMEOUT_MS = 4000;

/** `lead-gateway health`: for supervisors without an HTTP client of their own, such as a container's HEALTHCHECK. */
export const health = defineCommand({
  name: 'health',
  summary: 'say whether the gateway that runs on HOST and PORT is up; ends with 1 when it is not',
  options: { ...ENV_FILE, ...JSON_OUTPUT },
  run: async (own, { 'env-file': envFiles, json }) => {
    const { HOST: host, PORT: port } = loadSome(own, envFiles, ['HOST', 'PORT']);
    const { isUp, words } = await askHealth({ host, port }, TIMEOUT_MS);
    if (json) printJson({ isUp, message: words });
    else if (isUp) print(`${words}\n`);
    if (!isUp) throw new CommandFailure(1, json ? [] : [words]);
    return 0;
  },
});
