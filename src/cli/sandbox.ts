import { sandboxOptions } from '../gateway.ts';
import { SANDBOX_CREDENTIALS, startSandbox } from '../sandbox/sandbox.ts';
import { loadConfig } from './configuration.ts';
import { listenFailure } from './listen-failure.ts';
import { announce, type Process } from './process.ts';
import { closeOnSignal, STOP_MARGIN_MS } from './stopping.ts';

/** `lead-gateway sandbox`: runs the sandbox alone until a signal ends it. */
export async function sandbox({ env, exit }: Process): Promise<void> {
  const config = loadConfig(env);
  const running = await startSandbox(sandboxOptions(config)).catch((error: unknown) => {
    throw listenFailure(error, config);
  });
  closeOnSignal(running.close, config.shutdownGraceMs + STOP_MARGIN_MS, { env, exit });
  announce([
    `The sandbox listens on ${running.url}`,
    `  SOAP endpoint   ${running.endpoint} (WSDL: ${running.endpoint}?WSDL)`,
    `  user id         ${SANDBOX_CREDENTIALS.userId} (the README has its encryption key)`,
    `  control         ${running.url}/_sandbox`,
  ]);
}
