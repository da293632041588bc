import { getEventListeners } from 'node:events';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createHttpPost, type HttpPostOptions, type PostRequest } from '../../src/transport/http-post.ts';
import { type RawOptions, startRawUpstream } from '../support/upstream.ts';
import { testEvery } from '../support/exhaustive.ts';
import { portApart } from '../support/port-apart.ts';

const MAX_BODY_BYTES = 1000;

/** Longer than anything here takes, on any machine. */
const LONG_MS = 50_000;

type Answered = { readonly raw: string; readonly end?: boolean };

/** A raw upstream, and a client of it that is closed with the test. */
async function start(raw: RawOptions, options: Partial<HttpPostOptions> = {}) {
  const upstream = await startRawUpstream(raw);
  return { upstream, ...startPost(upstream.endpoint, options) };
}

function startPost(endpoint: string, options: Partial<HttpPostOptions> = {}) {
  const { post, close } = createHttpPost({
    endpoint: new URL(endpoint),
    connections: 2,
    maxBodyBytes: MAX_BODY_BYTES,
    connectTimeoutMs: LONG_MS,
    ...options,
  });
  onTestFinished(close);
  const send = (request: Partial<PostRequest> = {}) =>
    post({ headers: { 'content-type': 'text/xml' }, body: '<ask/>', timeoutMs: LONG_MS, ...request });
  return { post: send, close };
}

/** Writes the same bytes for each request. */
const answering = ({ raw, end = false }: Answered): RawOptions => ({
  onRequest: (socket) => (end ? socket.end(raw, 'latin1') : socket.write(raw, 'latin1')),
});

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

const zipped = (text: string) => {
  const body = gzipSync(text).toString('latin1');
  return `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
};

const until = (holds: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(holds()).toBe(true), { timeout: LONG_MS, interval: 5 });

const pauseMs = (ms: number) =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

test('the request goes out as it was given, to the path and query of the endpoint', async () => {
  const upstream = await startRawUpstream(answering({ raw: OK }));
  const { post } = startPost(`${upstream.endpoint}?tenant=1`);
  await post({ headers: { 'content-type': 'text/xml; charset=utf-8', soapaction: '"x"' }, body: '<ä/>' });
  const [request] = upstream.requests;
  expect(request?.head).toMatch(/^POST \/soap\/mktows\/2_9\?tenant=1 HTTP\/1\.1\r\n/);
  expect(request?.head).toContain('content-type: text/xml; charset=utf-8\r\n');
  expect(request?.head).toContain('soapaction: "x"\r\n');
  expect(request?.head).toContain('content-length: 5');
  expect(Buffer.from(request?.body ?? '', 'latin1').toString()).toBe('<ä/>');
});

test('a response comes with its status, the headers that matter and its whole body', async () => {
  const { post } = await start(
    answering({
      raw: 'HTTP/1.1 503 Busy\r\nContent-Type: text/xml\r\nRetry-After: 7\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 4\r\n\r\n<a/>',
    }),
  );
  expect(await post()).toEqual({
    kind: 'response',
    status: 503,
    contentType: 'text/xml',
    date: 'Sun, 06 Nov 1994 08:49:37 GMT',
    retryAfter: '7',
    redirectsTo: undefined,
    body: Buffer.from('<a/>'),
  });
});

const chunked = (...chunks: string[]) =>
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${[...chunks, ''].map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')}`;

describe('an answer is taken in', () => {
  testEvery<[string, Answered, number, string]>(3, [
    ['in chunks', { raw: chunked('a', 'b', 'cd') }, 200, 'abcd'],
    [
      'in chunks with extensions and trailers',
      {
        raw: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nab\r\n0\r\nX: y\r\n\r\n',
      },
      200,
      'ab',
    ],
    ['of HTTP/1.0 that ends with the connection', { raw: 'HTTP/1.0 200 OK\r\n\r\nab', end: true }, 200, 'ab'],
    ['of HTTP/1.1 without a length', { raw: 'HTTP/1.1 200 OK\r\n\r\nab', end: true }, 200, 'ab'],
    ['without a body', { raw: 'HTTP/1.1 204 No Content\r\n\r\n' }, 204, ''],
    [
      'that is a redirect, which is not followed',
      {
        raw: 'HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n',
      },
      301,
      '',
    ],
    ['after 103 Early Hints', { raw: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}` }, 200, 'ok'],
    [
      'after 102 Processing, twice',
      { raw: `${'HTTP/1.1 102 Processing\r\n\r\n'.repeat(2)}${OK}` },
      200,
      'ok',
    ],
    ['with a reason of no words', { raw: 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok' }, 200, 'ok'],
    [
      'exactly as large as it may be',
      {
        raw: `HTTP/1.1 200 OK\r\nContent-Length: ${MAX_BODY_BYTES}\r\n\r\n${'x'.repeat(MAX_BODY_BYTES)}`,
      },
      200,
      'x'.repeat(MAX_BODY_BYTES),
    ],
    [
      'with headers twice, of which the first counts',
      {
        raw: 'HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nRetry-After: 1\r\nRetry-After: 2\r\nContent-Length: 2\r\n\r\nok',
      },
      200,
      'ok',
    ],
  ])('%s', async (_what, answered, status, body) => {
    const { post } = await start(answering(answered));
    const response = await post();
    expect(response).toMatchObject({ kind: 'response', status });
    expect(response.kind === 'response' && response.body.toString()).toBe(body);
  });

  test('compressed, with the limit on what comes out', async () => {
    const bodies = ['abc', 'x'.repeat(MAX_BODY_BYTES + 1)];
    const { post } = await start({
      onRequest: (socket, { index }) => socket.write(zipped(bodies[index] ?? ''), 'latin1'),
    });
    expect(await post()).toMatchObject({ kind: 'response', body: Buffer.from('abc') });
    expect(await post()).toMatchObject({ kind: 'failure', reason: 'too-large' });
  });

  test('byte by byte', async () => {
    const { post } = await start({
      onRequest(socket) {
        socket.setNoDelay();
        void (async () => {
          for (const byte of OK) {
            socket.write(byte);
            await pauseMs(1);
          }
        })();
      },
    });
    expect(await post()).toMatchObject({ kind: 'response', body: Buffer.from('ok') });
  });

  test('before the request was sent whole', async () => {
    const { post } = await start({ onConnection: (socket) => socket.once('data', () => socket.write(OK)) });
    expect(await post({ body: 'x'.repeat(8_000_000) })).toMatchObject({ kind: 'response', status: 200 });
  });
});

describe('a failed request has a reason', () => {
  testEvery<[string, RawOptions, string]>(3, [
    ['closed before the answer', { onRequest: (socket) => socket.end() }, 'reset'],
    ['reset before the answer', { onRequest: (socket) => socket.resetAndDestroy() }, 'reset'],
    ['closed in the headers', answering({ raw: 'HTTP/1.1 200 OK\r\nContent-', end: true }), 'reset'],
    ['closed in the body', answering({ raw: OK.slice(0, -1), end: true }), 'reset'],
    ['closed in a chunk', answering({ raw: chunked('abc').slice(0, -9), end: true }), 'reset'],
    ['closed before the last chunk', answering({ raw: chunked('abc').slice(0, -5), end: true }), 'reset'],
    ['no HTTP', answering({ raw: 'SSH-2.0-OpenSSH_9.6\r\n' }), 'not-http'],
    ['plain XML', answering({ raw: '<a/>', end: true }), 'not-http'],
    [
      'an invalid chunk size',
      answering({
        raw: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n',
      }),
      'not-http',
    ],
    ['an invalid length', answering({ raw: 'HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok' }), 'not-http'],
    [
      'two lengths that differ',
      answering({
        raw: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
      }),
      'reset',
    ],
    [
      'headers without an end',
      answering({ raw: `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}` }),
      'not-http',
    ],
    [
      'an announced body over the limit',
      answering({
        raw: `HTTP/1.1 200 OK\r\nContent-Length: ${MAX_BODY_BYTES + 1}\r\n\r\n`,
      }),
      'too-large',
    ],
    ['a body over the limit', answering({ raw: chunked('x'.repeat(600), 'x'.repeat(600)) }), 'too-large'],
    [
      'an unknown coding',
      answering({
        raw: 'HTTP/1.1 200 OK\r\nContent-Encoding: zip\r\nContent-Length: 2\r\n\r\nok',
      }),
      'bad-encoding',
    ],
    ['nothing in time', {}, 'timeout'],
    ['no end in time', answering({ raw: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok' }), 'timeout'],
    ['an unexpected 100 Continue', answering({ raw: `HTTP/1.1 100 Continue\r\n\r\n${OK}` }), 'reset'],
    [
      '101 Switching Protocols',
      answering({
        raw: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
      }),
      'reset',
    ],
  ])('%s', async (_what, raw, reason) => {
    const { post, upstream } = await start(raw);
    const failure = await post(reason === 'timeout' ? { timeoutMs: 300 } : {});
    expect(failure).toMatchObject({ kind: 'failure', reason });
    expect(failure.kind === 'failure' && failure.cause).toBeInstanceOf(Error);
    // A connection in the middle of a request cannot be used again.
    if (reason !== 'bad-encoding') await until(() => upstream.sockets.size < upstream.connections());
  });
});

describe('a connection that cannot be made', () => {
  test('refused', async () => {
    const { post } = startPost(`http://127.0.0.1:${await portApart()}/`);
    expect(await post()).toMatchObject({
      kind: 'failure',
      reason: 'connect',
      cause: { code: 'ECONNREFUSED' },
    });
  });

  test('to a server with an untrusted certificate; nothing is sent to it', async () => {
    const { upstream, post } = await start({ tls: true });
    expect(await post()).toMatchObject({
      kind: 'failure',
      reason: 'connect',
      cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    });
    expect(upstream.requests).toHaveLength(0);
  });

  test('to a server that does not speak TLS', async () => {
    const plain = await startRawUpstream({
      onConnection: (socket) => socket.end('HTTP/1.1 400 Bad\r\n\r\n'),
    });
    const { post } = startPost(plain.endpoint.replace('http:', 'https:'));
    expect(await post()).toMatchObject({ kind: 'failure', reason: 'connect' });
  });

  test('within the timeout of the whole request', async () => {
    // Takes the connection and never does its part of the handshake.
    const silent = await startRawUpstream({});
    const { post } = startPost(silent.endpoint.replace('http:', 'https:'));
    expect(await post({ timeoutMs: 200 })).toMatchObject({ kind: 'failure', reason: 'connect' });
  });
});

describe('a request that is taken back', () => {
  test('before it began is never sent', async () => {
    const { upstream, post } = await start(answering({ raw: OK }));
    const signal = AbortSignal.abort(new Error('no more'));
    expect(await post({ signal })).toEqual({
      kind: 'failure',
      reason: 'cancelled',
      cause: expect.any(Error),
    });
    expect(upstream.connections()).toBe(0);
  });

  test('while a connection is made is never sent', async () => {
    const silent = await startRawUpstream({});
    const { post } = startPost(silent.endpoint.replace('http:', 'https:'));
    const leaving = new AbortController();
    const failure = post({ signal: leaving.signal });
    await until(() => silent.connections() === 1);
    leaving.abort();
    expect(await failure).toMatchObject({ kind: 'failure', reason: 'cancelled' });
  });

  test('while it waits for a connection is never sent', async () => {
    const { upstream, post } = await start(
      { onRequest: (socket) => void setTimeout(() => socket.write(OK), 50) },
      { connections: 1 },
    );
    const leaving = new AbortController();
    const first = post();
    const second = post({ body: '<taken-back/>', signal: leaving.signal });
    leaving.abort();
    expect(await second).toMatchObject({ reason: 'cancelled' });
    expect(await first).toMatchObject({ kind: 'response' });
    expect(await post({ body: '<third/>' })).toMatchObject({ kind: 'response' });
    expect(upstream.requests.map(({ body }) => body)).toEqual(['<ask/>', '<third/>']);
  });

  test('once it is on the wire is finished', async () => {
    const leaving = new AbortController();
    const { post } = await start({
      onRequest(socket) {
        leaving.abort();
        setTimeout(() => socket.write(OK), 50);
      },
    });
    expect(await post({ signal: leaving.signal })).toMatchObject({ kind: 'response', status: 200 });
  });
});

describe('connections', () => {
  test('are kept and used again', async () => {
    const { upstream, post } = await start(answering({ raw: OK }));
    for (let calls = 0; calls < 20; calls += 1) expect(await post()).toMatchObject({ kind: 'response' });
    expect(upstream.connections()).toBeLessThanOrEqual(2);
  });

  test('never exceed the limit; further requests wait', async () => {
    const { upstream, post } = await start({
      onRequest: (socket) => void setTimeout(() => socket.write(OK), 10),
    });
    const answers = await Promise.all(Array.from({ length: 10 }, () => post()));
    expect(answers.every(({ kind }) => kind === 'response')).toBe(true);
    expect(upstream.connections()).toBe(2);
  });

  test('that the server closed while they were idle are replaced', async () => {
    const { upstream, post } = await start(answering({ raw: OK, end: true }));
    for (let calls = 1; calls <= 3; calls += 1) {
      expect(await post()).toMatchObject({ kind: 'response' });
      await until(() => upstream.sockets.size === 0);
    }
    expect(upstream.connections()).toBe(3);
  });

  test('that end with an answer are not used again', async () => {
    const { upstream, post } = await start(
      answering({ raw: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok' }),
    );
    await post();
    await post();
    expect(upstream.connections()).toBe(2);
  });

  test('whose server sends more than it was asked for are not used again', async () => {
    const { upstream, post } = await start(answering({ raw: OK + OK }));
    expect(await post()).toMatchObject({ kind: 'response' });
    await until(() => upstream.sockets.size === 0);
    expect(await post()).toMatchObject({ kind: 'response' });
    expect(upstream.connections()).toBe(2);
  });

  test('leave nothing behind when they are closed: no socket, no timer, no listener', async () => {
    const others = await leastResources();
    const { upstream, post, close } = await start({
      onRequest: (socket, { index }) => void (index % 2 === 0 && socket.write(OK)),
    });
    const { signal } = new AbortController();
    for (let calls = 0; calls < 6; calls += 1) await post({ timeoutMs: 50, signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    await close();
    await until(() => upstream.sockets.size === 0);
    await until(() => activeResources().length <= others);
    expect(await post()).toMatchObject({ kind: 'failure', reason: 'connect' });
  });
});

/** Sockets and timers that are alive in this process, the test's own pause among them while it lasts. */
function activeResources(): string[] {
  return process.getActiveResourcesInfo().filter((kind) => /^(?:TCPSocketWrap|TLSWrap|Timeout)$/.test(kind));
}

/** How many of them there are when what only passes is gone: what other tests in this process have left, if anything. */
async function leastResources(): Promise<number> {
  let least = Infinity;
  for (let looks = 0; looks < 5; looks += 1) {
    least = Math.min(least, activeResources().length);
    await pauseMs(5);
  }
  return least;
}
