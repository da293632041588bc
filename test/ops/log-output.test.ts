import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { runMain } from '../support/process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ENV = { PORT: '0', SANDBOX_PORT: '0', SHUTDOWN_DELAY_MS: '0' };

// checks/resilience/log-output.test.ts has readers that stop, are slow or are gone.

/** The gateway as a process whose standard output is what the test says. */
async function startWithOutput(stdout: number) {
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
  return { url, stop };
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

test('a full disk loses lines and nothing else', async () => {
  const full = openSync('/dev/full', 'w');
  const { url, stop } = await startWithOutput(full);
  closeSync(full);
  await serves(url, 20);
  await expect.poll(() => linesLost(url)).toBeGreaterThanOrEqual(20);
  expect(await stop()).toBe(0);
});

test('the last line is there when the process has ended', async () => {
  const run = runMain([], ENV);
  const [, url = ''] = await run.waitFor(/listens on (http:\S+)/);
  await serves(url, 1);
  run.child.kill('SIGTERM');
  expect(await run.ended).toBe(0);
  const lines = run.output().stdout.trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['request answered']);
});
