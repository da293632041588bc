// Servers for the tests with a real Redis, each a process of its own on loopback.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** Redis without persistence; resolves when it takes connections. */
export async function startRedis(port, redisServer = 'redis-server') {
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child = spawn(redisServer, options, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const chunk of child.stdout) if (String(chunk).includes('Ready to accept')) break;
  return processOf(child);
}

/** The program as it is delivered (dist); resolves when its standard error matches `ready`. */
export async function startProgram(command, env, ready) {
  const child = spawn(process.execPath, ['dist/main.js', command], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.resume();
  let said = '';
  await new Promise((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (chunk) => {
      said += chunk;
      if (ready.test(said)) resolve();
    });
    child.on('exit', (code) => reject(new Error(`${command} ended with ${code}: ${said}`)));
  });
  return processOf(child);
}

function processOf(child) {
  const exited = once(child, 'exit');
  return {
    signal: (signal) => child.kill(signal),
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

export async function until(check, what, timeoutMs = 10_000) {
  for (const from = performance.now(); performance.now() - from < timeoutMs;) {
    if (await check()) return;
    await pause(50);
  }
  throw new Error(`not within ${timeoutMs} ms: ${what}`);
}
