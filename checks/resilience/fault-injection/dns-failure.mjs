import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  msUntilServed,
  putLead,
  startGateway,
  startSandbox,
  upstreamEnv,
  temporaryFolder,
} from '../../processes.mjs';

const SERVFAIL = 2;
const NXDOMAIN = 3;
const UNREACHABLE = '502 /problems/upstream-unreachable true';
const TIMEOUT = '504 /problems/upstream-timeout true';

/**
 * The upstream's name cannot be looked up, in every way that happens: refused, unknown, no answer at all, and an address
 * where nothing listens. Each is over when the name is right again.
 */
export async function dnsFailure() {
  const sandbox = await startSandbox();
  const server = { answer: { rcode: SERVFAIL } };
  const socket = await serveNames(server);
  const resolver = join(temporaryFolder(), 'resolv.conf');
  writeFileSync(resolver, 'nameserver 127.0.0.1\noptions timeout:1 attempts:2\n');
  execFileSync('mount', ['--bind', resolver, '/etc/resolv.conf']);
  const gateway = await startGateway({
    ...upstreamEnv(`http://soap.marketo.test:${sandbox.port}`),
    MARKETO_ALLOW_INSECURE: 'true',
    REQUEST_DEADLINE_MS: '3000',
    // A tenth of the calls is made in the first 20 seconds.
    MARKETO_MAX_CALLS_PER_20S: '1000',
  });
  const result = {};
  for (const [name, answer] of Object.entries({
    failing: { rcode: SERVFAIL },
    unknown: { rcode: NXDOMAIN },
    silent: null,
    wrong: { rcode: 0, address: [127, 0, 0, 9] },
  })) {
    server.answer = answer;
    const leads = Array.from({ length: 8 }, (_, index) =>
      putLead(gateway.url, `${name}${index}@example.com`),
    );
    const page = await msOf(`${gateway.url}/docs/swagger-ui.css`);
    const answers = await Promise.all(leads);
    for (const { status, type, retryable, tookMs } of answers) {
      // A name server that says nothing takes the time of the whole deadline.
      const expected = answer === null ? [UNREACHABLE, TIMEOUT] : [UNREACHABLE];
      assert.ok(expected.includes(`${status} ${type} ${retryable}`), `${name}: ${status} ${type}`);
      assert.ok(tookMs < 3500, `${tookMs} ms`);
    }
    server.answer = { rcode: 0, address: [127, 0, 0, 1] };
    const backMs = await msUntilServed(gateway.url);
    assert.ok(backMs < 4000, `${name}: ${backMs} ms`);
    result[name] = {
      slowestMs: Math.max(...answers.map(({ tookMs }) => tookMs)),
      pageMs: page,
      servedAgainAfterMs: backMs,
    };
    await dropConnections(sandbox);
  }
  socket.close();
  execFileSync('umount', ['/etc/resolv.conf']);
  assert.equal(await gateway.stop(), 0);
  return result;
}

/** The next call has to look the name up again: kept-alive connections would not. */
async function dropConnections(sandbox) {
  sandbox.child.kill('SIGKILL');
  Object.assign(sandbox, await startSandbox({}, sandbox.port));
}

async function msOf(url) {
  const startedMs = performance.now();
  const response = await fetch(url);
  assert.equal(response.status, 200);
  await response.arrayBuffer();
  return Math.round(performance.now() - startedMs);
}

/** A name server that has one answer to everything: `server.answer`, or none (RFC 1035, 4.1). */
async function serveNames(server) {
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => {
    if (server.answer === null) return;
    const { rcode, address: found } = server.answer;
    // The question: labels up to an empty one, type and class.
    const end = query.indexOf(0, 12) + 5;
    const isA = query.readUInt16BE(end - 4) === 1;
    const answers = found !== undefined && isA ? 1 : 0;
    const head = Buffer.alloc(12);
    head.writeUInt16BE(query.readUInt16BE(0), 0);
    head.writeUInt16BE(0x8180 | rcode, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(answers, 6);
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...(found ?? [])]);
    socket.send(Buffer.concat([head, query.subarray(12, end), ...(answers ? [record] : [])]), port, address);
  });
  await new Promise((resolve) => socket.bind(53, '127.0.0.1', resolve));
  return socket;
}
