import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { freshConnections, putLead } from '../../test/support/load.ts';
import { runServe } from '../../test/support/process.ts';

async function dial(port: number, bytes: string): Promise<void> {
  const socket: Socket = connect(port, '127.0.0.1');
  socket.resume().on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write(bytes);
}

test('500 half-open connections, 1,000 idle ones and pipelined garbage do not block other clients', async () => {
  const { run, url } = await runServe();
  const port = Number(new URL(url).port);
  const before = residentMiB(run.child.pid);
  const agent = freshConnections();
  let leads = 0;
  const medianMs = async () => {
    const times: number[] = [];
    for (let index = 0; index < 50; index += 1) {
      const startedMs = performance.now();
      expect((await putLead(url, `lead${(leads += 1)}@example.com`, agent)).outcome).toBe(201);
      times.push(performance.now() - startedMs);
    }
    return times.toSorted((a, b) => a - b)[25]!;
  };
  const quietMs = await medianMs();
  const health = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
  for (let index = 0; index < 500; index += 1)
    await dial(port, 'PUT /leads HTTP/1.1\r\nHost: localhost\r\nX-Slow');
  for (let index = 0; index < 1000; index += 1) await dial(port, health);
  const garbage = setInterval(() => {
    void dial(port, health.repeat(20) + '\u0000\u0001 no HTTP '.repeat(200)).catch(() => undefined);
  }, 10);
  const attackedMs = await medianMs();
  clearInterval(garbage);
  const grownMiB = residentMiB(run.child.pid) - before;
  if (process.env['STOPS'] !== undefined) {
    process.stdout.write(`${JSON.stringify({ grownMiB, quietMs, attackedMs })}\n`);
  }
  // Twenty requests and garbage every 10 ms take their part of the CPU, but no more.
  expect(attackedMs).toBeLessThan(Math.max(quietMs, 5) * 20);
  expect(grownMiB).toBeLessThan(300);
});

/** What a process has in memory, in MiB; not known but on Linux. */
function residentMiB(pid: number | undefined): number {
  try {
    const [, kib = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Math.round(Number(kib) / 1024);
  } catch {
    return 0;
  }
}
