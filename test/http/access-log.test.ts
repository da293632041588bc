import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { GatewayError } from '../../src/leads/errors.ts';
import type { CancelSignal } from '../../src/runtime/cancellation.ts';
import { directoryThat, startApp } from '../support/app.ts';
import { putLead, send } from '../support/client.ts';

/** Writes raw bytes and hangs up. */
function hangUpAfter(url: string, bytes: string): void {
  const socket = connect(Number(new URL(url).port), '127.0.0.1', () => {
    socket.write(bytes, () => socket.destroy());
  });
}

describe('the access log', () => {
  test('has one line a request, with the pattern of the route', async () => {
    const app = await startApp();
    await send(app.url, '/problems/not-found?email=jane@example.com');
    await expect.poll(app.log).toHaveLength(1);
    expect(app.log()[0]).toEqual({
      level: 'info',
      time: expect.any(String) as string,
      requestId: 'request-1',
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      method: 'GET',
      route: '/problems/:slug',
      status: 200,
      durationMs: expect.any(Number) as number,
      msg: 'request answered',
    });
  });

  test('names the problem, and no unknown path', async () => {
    const app = await startApp();
    await send(app.url, '/leads/jane@example.com', { method: 'DELETE' });
    await expect.poll(app.log).toHaveLength(1);
    expect(app.log()[0]).toMatchObject({ route: null, status: 404, problem: 'not-found' });
    expect(app.logLines.join('')).not.toContain('jane');
  });

  test('holds nothing of the lead, of the headers or of what went wrong with them', async () => {
    const app = await startApp({
      directory: directoryThat(({ email }) => {
        throw new GatewayError('lead-rejected', {
          detail: `${email} is not welcome`,
          upstream: { message: `${email} was refused` },
          errors: [{ pointer: '#/email', detail: `${email}` }],
          cause: new Error(`about ${email}`),
        });
      }),
    });
    await putLead(
      app.url,
      { email: 'jane@example.com', attributes: { Secret: 'jane' } },
      { authorization: 'Bearer jane' },
    );
    await putLead(app.url, { email: 'jane' });
    await putLead(app.url, '{"email":jane}');
    await expect.poll(app.log).toHaveLength(3);
    expect(app.logLines.join('')).not.toMatch(/jane/i);
  });

  test('tells the cause of a failure upstream, once, as a warning', async () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), {
      code: 'ECONNREFUSED',
      syscall: 'connect',
    });
    const app = await startApp({
      directory: directoryThat(() => {
        throw new GatewayError('upstream-unreachable', { detail: 'No connection.', cause: refused });
      }),
    });
    await putLead(app.url, { id: 1 });
    await expect.poll(app.log).toHaveLength(2);
    expect(app.log()[0]).toMatchObject({
      level: 'warn',
      requestId: 'request-1',
      problem: 'upstream-unreachable',
      err: { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED 127.0.0.1:1' },
    });
  });
});

describe('a caller who leaves', () => {
  test('while the lead is being written aborts its signal', async () => {
    const signals: CancelSignal[] = [];
    const app = await startApp({
      directory: directoryThat(
        (_command, { signal }) =>
          new Promise((_resolve, reject) => {
            signals.push(signal);
            signal.addEventListener('abort', () =>
              reject(new GatewayError('upstream-timeout', { detail: 'gone' })),
            );
          }),
      ),
    });
    const body = '{"id":1}';
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    socket.write(
      `PUT /leads HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await expect.poll(() => signals).toHaveLength(1);
    expect(signals[0]?.aborted).toBe(false);
    socket.destroy();
    await expect.poll(app.log).toHaveLength(1);
    expect(signals[0]?.aborted).toBe(true);
    expect(app.log()[0]).toMatchObject({
      level: 'info',
      status: null,
      msg: 'client disconnected before the response',
    });
  });

  test('does not abort the signal of a request that was answered', async () => {
    const signals: CancelSignal[] = [];
    const { url } = await startApp({
      directory: directoryThat((_command, { signal }) => {
        signals.push(signal);
        return { leadId: 1, status: 'UPDATED' };
      }),
    });
    await putLead(url, { id: 1 });
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
  });

  test('while the body is read is not an error of ours', async () => {
    const app = await startApp();
    hangUpAfter(
      app.url,
      'PUT /leads HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"email"',
    );
    await expect.poll(app.log).toHaveLength(1);
    expect(app.log()[0]).toMatchObject({ level: 'info', status: null });
    expect((await putLead(app.url, { id: 1 })).status).toBe(200);
  });
});
