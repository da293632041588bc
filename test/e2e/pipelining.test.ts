import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { bearer, SECRET, startKeyedGateway } from '../support/gateway.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const COUNT = 12_000;

test(`a connection that pipelines ${COUNT} leads takes no places from others`, EXHAUSTIVE, async () => {
  const calm = {
    ...SECRET,
    name: 'calm',
    key: SECRET.key.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a')),
  };
  const gateway = await startKeyedGateway([SECRET, calm], { LOG_LEVEL: 'silent' });
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  let received = '';
  socket.setEncoding('latin1').on('data', (text) => (received += text));
  socket.on('error', () => undefined);
  const head = `PUT /leads HTTP/1.1\r\nHost: x\r\nAuthorization: ${bearer(SECRET.key)['authorization']}\r\nContent-Type: application/json\r\n`;
  for (let nth = 0; nth < COUNT; nth += 1) {
    const body = JSON.stringify({ email: `loud${nth}@example.com` });
    socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  }
  await vi.waitFor(() => expect(received).toContain('HTTP/1.1 201'));
  for (let nth = 0; nth < 10; nth += 1) {
    const { status } = await gateway.putLead(
      { email: `calm${nth}@example.com` },
      { headers: bearer(calm.key) },
    );
    expect(status).toBe(201);
    const metrics = await gateway.request('GET', '/metrics', { headers: bearer(SECRET.key) });
    const queued = Number(/^lead_gateway_queue_leads (\S+)$/m.exec(metrics.text)?.[1] ?? Number.NaN);
    expect(queued).toBeLessThanOrEqual(33);
  }
  expect(received).not.toContain('HTTP/1.1 429');
});
