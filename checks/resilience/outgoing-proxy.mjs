// A gateway behind a third-party proxy, tinyproxy, that asks for a password.
//
//   node checks/resilience/outgoing-proxy.mjs
//
// Needs tinyproxy and a built gateway.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import {
  freePort,
  start,
  startGateway,
  startSandbox,
  temporaryFolder,
  until,
  upstreamEnv,
} from '../processes.mjs';

const folder = temporaryFolder();

const answersOn = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });

const run = (args, env) =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, ['dist/main.js', ...args], { env });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk));
    child.on('close', (code) => resolve({ code, said }));
  });

// The gateway takes no proxy to this machine, so the upstream is at the address of another interface.
const address = Object.values(networkInterfaces())
  .flat()
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
assert.ok(address, 'this machine has no address but its loopback ones');

const [proxyPort, frontPort] = [await freePort(), await freePort()];
const configuration = join(folder, 'tinyproxy.conf');
writeFileSync(
  configuration,
  `Port ${proxyPort}\nListen 127.0.0.1\nTimeout 30\nMaxClients 20\nLogLevel Connect\nBasicAuth user proxysecret\nConnectPort ${frontPort}\n`,
);
await start('tinyproxy', ['-d', '-c', configuration], {}, /config file finished/);
await until(() => answersOn(proxyPort), 'tinyproxy listens');
const sandbox = await startSandbox();
const front = createServer((socket) => {
  const upstream = connect(sandbox.port, '127.0.0.1');
  socket.pipe(upstream).pipe(socket);
  for (const each of [socket, upstream]) each.on('error', () => {});
});
await new Promise((resolve) => front.listen(frontPort, address, resolve));

const env = {
  ...upstreamEnv(`http://${address}:${frontPort}`),
  MARKETO_ALLOW_INSECURE: 'true',
  SHUTDOWN_DELAY_MS: '0',
};
const put = async (proxy, email) => {
  const { url, child } = await startGateway({ ...env, HTTP_PROXY: proxy });
  const answer = await fetch(`${url}/leads`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email }),
  });
  const body = await answer.text();
  assert.ok(!(body + child.output()).includes('proxysecret'));
  return { status: answer.status, body };
};
const through = `http://user:proxysecret@127.0.0.1:${proxyPort}`;
assert.equal((await put(through, 'a@example.com')).status, 201);

const refused = await put(`http://user:proxysecret2@127.0.0.1:${proxyPort}`, 'b@example.com');
assert.equal(refused.status, 502);
assert.match(refused.body, /the proxy 127\.0\.0\.1:\d+ (does not accept|refuses)/);

const well = await run(['doctor'], { ...env, HTTP_PROXY: through });
assert.equal(well.code, 0, well.said);
assert.match(well.said, /goes through 127\.0\.0\.1:\d+ \(HTTP_PROXY\)/);
front.close();
console.log('tinyproxy connected with the right password and was named when it did not');
// The servers end with the program.
process.exit(0);
