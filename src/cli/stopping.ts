import type { Logger } from '../observability/logger.ts';
import { announce, type Process } from './process.ts';

type Exit = Process['exit'];

/** How much longer than the grace period stopping may take before it counts as failed. */
export const STOP_MARGIN_MS = 1000;

/** The first signal ends gracefully, the second at once. */
export function closeOnSignal(close: () => Promise<void>, maxMs: number, exit: Exit): void {
  let isClosing = false;
  const fail = (line: string) => {
    announce([line]);
    exit(1);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    if (isClosing) exit(signal === 'SIGINT' ? 130 : 143);
    isClosing = true;
    setTimeout(() => fail('Stopping took too long.'), maxMs);
    close().then(
      () => exit(Number(process.exitCode ?? 0)),
      (error: unknown) => fail(`Stopping failed: ${String(error)}`),
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}

/**
 * After an error nobody caught the state of the process is not to be trusted: whoever was taken in is answered, and the
 * process ends, for its supervisor to start anew. The log shows where the error was, without its message.
 */
export function closeOnDefect(close: () => Promise<void>, maxMs: number, logger: Logger, exit: Exit): void {
  const onDefect = (defect: unknown) => {
    logger.error({ err: defect }, 'an error nobody caught; stopping');
    // Also when a signal has begun the stopping already.
    process.exitCode = 1;
    setTimeout(() => exit(1), maxMs);
    close().then(
      () => exit(1),
      () => exit(1),
    );
  };
  // Rejections nobody handles come here as well: Node makes exceptions of them.
  process.on('uncaughtException', onDefect);
}
