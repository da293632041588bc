import { sandboxOptions } from '../gateway/target.ts';
import { SANDBOX_CREDENTIALS, startSandbox } from '../sandbox/sandbox.ts';
import { SANDBOX_CLIENT } from '../sandbox/rest/tokens.ts';
import { announce, defineCommand, ENV_FILE, type Process } from './command.ts';
import { listenFailure, loadConfig, type Loaded } from './configuration.ts';
import { closeOnSignal, STOP_MARGIN_MS } from './stopping.ts';

/** `lead-gateway sandbox` */
export const sandbox = defineCommand({
  name: 'sandbox',
  summary: 'run the sandbox alone, on SANDBOX_HOST and SANDBOX_PORT',
  options: ENV_FILE,
  run: async (own, { 'env-file': envFiles }) => {
    await run(own, loadConfig(own, envFiles));
    return null;
  },
});

async function run({ env, exit }: Process, { config, warnings }: Loaded): Promise<void> {
  const running = await startSandbox(sandboxOptions(config)).catch((error: unknown) => {
    throw listenFailure(error, config);
  });
  closeOnSignal(running.close, config.shutdownGraceMs + STOP_MARGIN_MS, { env, exit });
  announce([
    `The sandbox listens on ${running.url}`,
    `  SOAP endpoint   ${running.endpoint} (WSDL: ${running.endpoint}?WSDL)`,
    `  user id         ${SANDBOX_CREDENTIALS.userId} (docs/sandbox.md has its encryption key)`,
    `  REST endpoint   ${running.restEndpoint}`,
    `  client id       ${SANDBOX_CLIENT.clientId} (docs/sandbox.md has its secret)`,
    `  page, control   ${running.url}/_sandbox`,
    ...warnings.map((warning) => `  WARNING         ${warning}`),
  ]);
}
