import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The sandbox and the gateway on free ports. */
export const ENV = { PORT: '0', SANDBOX_PORT: '0', SHUTDOWN_DELAY_MS: '0' };

/** The gateway as a process that logs to a file descriptor, or to a pipe that the test reads. */
export async function startWithOutput(stdout: number | 'pipe') {
  const child = spawn(process.execPath, ['dist/main.js'], {
    cwd: ROOT,
    env: ENV,
    stdio: ['ignore', stdout, 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => void child.once('exit', resolve));
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  const url = await new Promise<string>((resolve) => {
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      const [, found] = /listens on (http:\S+)/.exec(said) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  const stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  return { child, url, stop };
}

/** Makes requests that each write a line to the log. */
export async function serves(url: string, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    const answer = await fetch(`${url}/healthz`);
    expect([answer.status, await answer.text()]).toEqual([200, '{"status":"ok"}']);
  }
}

/** How many lines the gateway counts as lost. */
export async function linesLost(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^lead_gateway_log_lines_lost_total (\d+)$/m.exec(text)?.[1]);
}
