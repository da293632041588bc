import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ENV = { PORT: '0', SANDBOX_PORT: '0', SHUTDOWN_DELAY_MS: '0' };

/** The gateway as a process whose standard output is what the test says. */
async function startWithOutput(stdout: number | 'pipe') {
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

async function serves(url: string, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    const answer = await fetch(`${url}/healthz`);
    expect([answer.status, await answer.text()]).toEqual([200, '{"status":"ok"}']);
  }
}

async function linesLost(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^lead_gateway_log_lines_lost_total (\d+)$/m.exec(text)?.[1]);
}

test('the gateway keeps running when the reader of its log is gone', async () => {
  const { child, url, stop } = await startWithOutput('pipe');
  child.stdout?.destroy();
  await serves(url, 20);
  await expect.poll(() => linesLost(url)).toBeGreaterThan(0);
  expect(await stop()).toBe(0);
});

test('a reader of the log that does not read delays neither requests nor shutdown', async () => {
  const { child, url, stop } = await startWithOutput('pipe');
  child.stdout?.pause();
  // More than a pipe holds, and what is read ahead on this side of it.
  await serves(url, 1500);
  expect(await linesLost(url)).toBe(0);
  expect(await stop()).toBe(0);
});

test('a slow reader of the log gets all of it, also what is left at the end', async () => {
  const { child, url, stop } = await startWithOutput('pipe');
  child.stdout?.pause();
  await serves(url, 1500);
  const stopped = stop();
  await new Promise((resolve) => setTimeout(resolve, 200));
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  child.stdout?.resume();
  expect(await stopped).toBe(0);
  await expect.poll(() => said.match(/"msg":"request answered"\}\n/g)?.length).toBe(1500);
});
