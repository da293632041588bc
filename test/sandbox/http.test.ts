import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { sendRaw } from '../support/client.ts';
import { authentication, email, envelopeOf, startStillSandbox, START } from '../support/sandbox.ts';
import { untilTimers, createVirtualClock } from '../support/virtual-clock.ts';
import { startLoopClock } from '../support/time.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const MESSAGE = envelopeOf(
  `<ns1:paramsSyncLead><leadRecord>${email('a@b.c')}</leadRecord><returnLead>false</returnLead></ns1:paramsSyncLead>`,
  authentication(START),
);

function post(head: readonly string[], body: string | Buffer, version = '1.1'): Buffer {
  const lines = [`POST /soap/mktows/2_9 HTTP/${version}`, ...head, '', ''].join('\r\n');
  return Buffer.concat([Buffer.from(lines), Buffer.from(body)]);
}

const LENGTH = `Content-Length: ${Buffer.byteLength(MESSAGE)}`;

describe('HTTP as real clients speak it', () => {
  test('HTTP/1.0 without Host and keep-alive', async () => {
    const { url } = await startStillSandbox();
    const answer = await sendRaw(url, post([LENGTH], MESSAGE, '1.0'));
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).toMatch(/Content-Length: \d+\r\n/);
    expect(answer).not.toMatch(/chunked/i);
    expect(answer).toContain('<status>CREATED</status>');
  });

  test('Connection: close is kept', async () => {
    const { url } = await startStillSandbox();
    const answer = await sendRaw(url, post(['Host: x', 'Connection: close', LENGTH], MESSAGE));
    expect(answer).toMatch(/Connection: close/i);
    expect(answer).toContain('<status>CREATED</status>');
  });

  test('two calls over one connection', async () => {
    const { url } = await startStillSandbox();
    const call = post(['Host: x', LENGTH], MESSAGE);
    const answer = await sendRaw(url, Buffer.concat([call, call]), /UPDATED/);
    expect(answer.indexOf('CREATED')).toBeGreaterThan(0);
  });

  test('Expect: 100-continue is answered before the body is sent', async () => {
    const { url } = await startStillSandbox();
    const head = post(['Host: x', 'Expect: 100-continue', LENGTH], '');
    expect(await sendRaw(url, head, /100 Continue/)).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    const whole = post(['Host: x', 'Expect: 100-continue', 'Connection: close', LENGTH], MESSAGE);
    expect(await sendRaw(url, whole)).toContain('<status>CREATED</status>');
  });

  test('a chunked request with one byte per chunk', async () => {
    const { url } = await startStillSandbox();
    const chunks = [...Buffer.from(MESSAGE)].map((byte) => `1\r\n${String.fromCharCode(byte)}\r\n`).join('');
    const answer = await sendRaw(
      url,
      post(['Host: x', 'Transfer-Encoding: chunked', 'Connection: close'], `${chunks}0\r\n\r\n`),
    );
    expect(answer).toContain('<status>CREATED</status>');
  });

  test.each([
    ['gzip', gzipSync(MESSAGE)],
    ['x-gzip', gzipSync(MESSAGE)],
    ['GZIP', gzipSync(MESSAGE)],
    ['deflate', deflateSync(MESSAGE)],
    ['deflate', deflateRawSync(MESSAGE)],
    ['identity', Buffer.from(MESSAGE)],
  ])('a request compressed with %s', async (coding, body) => {
    const answer = await (await startStillSandbox()).post(body, { 'Content-Encoding': coding });
    expect(answer.status).toBe('CREATED');
  });

  test('a body that is not gzip is fault 20012, and an unknown coding is 415', async () => {
    const marketo = await startStillSandbox();
    expect((await marketo.post(MESSAGE, { 'Content-Encoding': 'gzip' })).fault).toBe(20012);
    expect((await marketo.post(MESSAGE, { 'Content-Encoding': 'br' })).httpStatus).toBe(415);
  });

  test.each([
    ['quoted', { SOAPAction: '"http://www.marketo.com/mktows/syncLead"' }],
    ['unquoted', { SOAPAction: 'http://www.marketo.com/mktows/syncLead' }],
    ['in other case', { soapaction: '""' }],
    ['wrong', { SOAPAction: '"http://www.marketo.com/mktows/getLead"' }],
  ])('a SOAPAction that is %s', async (_what, headers) => {
    expect((await (await startStillSandbox()).post(MESSAGE, headers)).status).toBe('CREATED');
  });

  test('no SOAPAction and no Content-Type', async () => {
    const { url } = await startStillSandbox();
    expect(await sendRaw(url, post(['Host: x', 'Connection: close', LENGTH], MESSAGE))).toContain('CREATED');
  });

  test.each(['1_7', '2_0', '2_9', '3_1', '2_9/'])('the endpoint of version %s', async (version) => {
    expect((await (await startStillSandbox()).post(MESSAGE, {}, `/soap/mktows/${version}`)).status).toBe(
      'CREATED',
    );
  });

  test('a target written as a whole URI', async () => {
    const { url } = await startStillSandbox();
    const lines = [
      'POST http://x/soap/mktows/2_9 HTTP/1.1',
      'Host: x',
      'Connection: close',
      LENGTH,
      '',
      MESSAGE,
    ];
    expect(await sendRaw(url, lines.join('\r\n'))).toContain('<status>CREATED</status>');
  });
});

describe('HTTP that cannot be served', () => {
  test('a body over 16 MiB is refused while it arrives, and the sandbox goes on', async () => {
    const marketo = await startStillSandbox();
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(
        marketo.endpoint,
        { method: 'POST', headers: { 'Transfer-Encoding': 'chunked' } },
        (response) => {
          resolve(response.statusCode);
          request.destroy();
        },
      );
      request.on('error', reject);
      for (let megabyte = 0; megabyte < 17; megabyte++) request.write(Buffer.alloc(1024 * 1024, 32));
    });
    expect(status).toBe(413);
    expect((await marketo.sync(email('a@b.c'))).status).toBe('CREATED');
  });

  test('a small body that decompresses to more than 16 MiB is refused', EXHAUSTIVE, async () => {
    const marketo = await startStillSandbox();
    const bomb = gzipSync(Buffer.alloc(40 * 1024 * 1024, 32), { level: 1 });
    expect((await marketo.post(bomb, { 'Content-Encoding': 'gzip' })).httpStatus).toBe(413);
  });

  test('a client that disconnects in the middle of its body does no harm', async () => {
    const marketo = await startStillSandbox();
    const { hostname, port } = new URL(marketo.url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    socket.write(post(['Host: x', 'Content-Length: 9'], 'abc'));
    socket.destroy();
    expect((await marketo.sync(email('a@b.c'))).status).toBe('CREATED');
  });

  test.each([
    ['PUT', '/soap/mktows/2_9', 405],
    ['DELETE', '/soap/mktows/2_9', 405],
    ['POST', '/soap/mktows', 404],
    ['POST', '/soap/mktows/2_9/more', 404],
    ['GET', '/elsewhere', 404],
  ])('%s %s is %i', async (method, path, status) => {
    const { url } = await startStillSandbox();
    const response = await fetch(url + path, { method });
    expect(response.status).toBe(status);
    expect(response.headers.get('allow')).toBe(status === 405 ? 'GET, HEAD, POST' : null);
  });
});

describe('starting and closing', () => {
  test('a taken port rejects with EADDRINUSE as it is', async () => {
    const { url } = await startStillSandbox();
    await expect(startSandbox({ port: Number(new URL(url).port) })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  test('close ends an idle keep-alive connection at once', async () => {
    const running = await startSandbox({ port: 0, now: () => START });
    const { hostname, port } = new URL(running.url);
    expect(hostname).toBe('127.0.0.1');
    const answer = sendRaw(running.url, post(['Host: x', LENGTH], MESSAGE));
    await expect.poll(async () => (await fetch(`${running.url}/_sandbox/leads/1000001`)).status).toBe(200);
    const elapsedMs = startLoopClock();
    await running.close();
    expect(elapsedMs()).toBeLessThan(400);
    expect(await answer).toContain('CREATED');
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow('fetch failed');
  });

  test('close lets a call in flight finish', async () => {
    const timers = createVirtualClock();
    const running = await startSandbox({ port: 0, now: () => START, timers, processingMs: 100 });
    const answer = sendRaw(running.url, post(['Host: x', LENGTH], MESSAGE), /CREATED/);
    await untilTimers(timers, 1);
    const closed = running.close();
    await timers.advance(100);
    await closed;
    expect(await answer).toContain('CREATED');
  });

  test('close waits half a second for an answer that is held back longer', async () => {
    const timers = createVirtualClock();
    const running = await startSandbox({ port: 0, now: () => START, timers, processingMs: 0 });
    await fetch(`${running.url}/_sandbox/next`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"delayMs":60000}',
    });
    const answer = sendRaw(running.url, post(['Host: x', LENGTH], MESSAGE));
    await untilTimers(timers, 1);
    const closed = running.close();
    await timers.advance(500);
    await closed;
    expect(await answer).toBe('');
  });
});
