/** sysexits.h: EX_USAGE and EX_CONFIG. */
export const EXIT_USAGE = 64;
export const EXIT_CONFIG = 78;

/** What a command sees of the process it runs in; main.ts hands it in. */
export type Process = {
  /** The variables of the process itself: what is added here is seen by the packages that read variables of their own. */
  readonly env: Record<string, string | undefined>;
  /** Of the package. */
  readonly version: string;
  /** Ends the process at once. */
  readonly exit: (code: number) => never;
};

/** Ends a command with an exit code; the lines are for people, on standard error. */
export class CommandFailure extends Error {
  readonly exitCode: number;
  readonly lines: readonly string[];

  constructor(exitCode: number, lines: readonly string[]) {
    super(lines.join('\n'));
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
    this.lines = lines;
  }
}

/** For people, on standard error: standard output belongs to the log. */
export function announce(lines: readonly string[]): void {
  if (lines.length > 0) process.stderr.write(`${lines.join('\n')}\n`);
}

/** The output of a command. */
export function print(text: string): void {
  process.stdout.write(text);
}

/** The same for programs. */
export function printJson(value: unknown): void {
  print(`${JSON.stringify(value, null, 2)}\n`);
}

/** A reader that has seen enough, such as `head`, is no reason to fail. */
export function bearClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (!stream.listeners('error').includes(onPipeError)) stream.on('error', onPipeError);
  }
}

function onPipeError(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}
