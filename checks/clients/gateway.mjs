// The gateway as it is delivered (dist), with its sandbox, for consumers of its documents.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';

export async function startGateway() {
  const port = await freePort();
  const sandboxPort = await freePort();
  const environment = {
    PATH: process.env.PATH,
    PORT: String(port),
    SANDBOX_PORT: String(sandboxPort),
    LOG_LEVEL: 'warn',
  };
  const child = spawn(process.execPath, ['dist/main.js', 'serve'], { env: environment, stdio: 'inherit' });
  const url = `http://127.0.0.1:${port}`;
  const sandboxUrl = `http://127.0.0.1:${sandboxPort}`;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (child.exitCode !== null) throw new Error('the gateway stopped by itself');
    const up = await fetch(`${url}/healthz`).then(
      (response) => response.ok,
      () => false,
    );
    if (up) return { url, sandboxUrl, stop: () => child.kill('SIGTERM') };
    await new Promise((done) => setTimeout(done, 100));
  }
  child.kill('SIGKILL');
  throw new Error('the gateway did not start within 10 s');
}

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}
