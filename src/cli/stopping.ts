import type { Logger } from '../observability/logger.ts';
import { announce, type Process } from './command.ts';

/** How much longer than the grace period a shutdown may take before it counts as failed. */
export const STOP_MARGIN_MS = 1000;

/** A second signal within this time is the same one: sent to a process group, and again to its members. */
const ECHO_MS = 50;
/** The same under npm, which forwards a signal that the terminal has already sent to the whole group, and late. */
const NPM_ECHO_MS = 1000;

const PARENT_POLL_MS = 500;
/** Read early: it changes when the parent exits. */
const PARENT = process.ppid;

/** Shuts down gracefully on the first signal, and exits on the second. */
export function closeOnSignal(
  close: () => Promise<void>,
  maxMs: number,
  { env, exit }: Pick<Process, 'env' | 'exit'>,
): void {
  const echoMs = env['npm_lifecycle_event'] === undefined ? ECHO_MS : NPM_ECHO_MS;
  let closesSince: number | undefined;
  const fail = (line: string) => {
    announce([line]);
    exit(1);
  };
  const stop = () => {
    closesSince = performance.now();
    setTimeout(() => fail('Shutdown took too long.'), maxMs);
    close().then(
      () => exit(Number(process.exitCode ?? 0)),
      (error: unknown) => fail(`Shutdown failed: ${String(error)}`),
    );
  };
  const onSignal = (signal: NodeJS.Signals) => {
    if (closesSince === undefined) stop();
    else if (performance.now() - closesSince > echoMs) exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  if (endsWithParent(env)) {
    const timer = setInterval(() => {
      if (process.ppid === PARENT) return;
      clearInterval(timer);
      if (closesSince === undefined) stop();
    }, PARENT_POLL_MS).unref();
  }
}

/**
 * Whether to stop when the parent exits. npm and npx signal the shell that runs the command; dash dies without passing
 * the signal on. A script with `&` wants its command to outlive the shell.
 */
function endsWithParent(env: Process['env']): boolean {
  const script = env['npm_lifecycle_script'];
  return script !== undefined && !/(?<![&>])&(?![&>])/.test(script);
}

/**
 * After an uncaught error the state of the process cannot be trusted: the requests accepted so far are answered, and the
 * process ends, so that its supervisor restarts it. The log shows where the error was, without its message.
 */
export function closeOnDefect(
  close: () => Promise<void>,
  maxMs: number,
  logger: Logger,
  exit: Process['exit'],
): void {
  const onDefect = (defect: unknown) => {
    logger.error({ err: defect }, 'uncaught error; stopping');
    // Even if a signal has already started the shutdown.
    process.exitCode = 1;
    setTimeout(() => exit(1), maxMs);
    close().then(
      () => exit(1),
      () => exit(1),
    );
  };
  // Node turns unhandled rejections into uncaught exceptions.
  process.on('uncaughtException', onDefect);
}
