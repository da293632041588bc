import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { record } from '../support/recordings.ts';
import { controlOf, type SandboxLead } from '../support/sandbox.ts';

const LEAD = '{"email":"outer@example.com"}';
const HEAD = 'PUT /leads HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const LENGTH = `Content-Length: ${LEAD.length}\r\n`;
const CODING = 'Transfer-Encoding: chunked\r\n';

const HIDDEN = '{"email":"smuggled@example.com"}';
const HIDDEN_REQUEST = `${HEAD}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`;

/** Its answer is the last on the connection. */
const LAST_REQUEST = 'GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

const SIZE = LEAD.length.toString(16);
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
const CHUNKS = `${chunk(LEAD)}0\r\n\r\n`;
const GET = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n';

/** What it is · bytes · the status of the only answer. */
const REFUSED: readonly (readonly [string, string, number])[] = [
  [
    'a length and chunks (CL.TE)',
    `${HEAD}Content-Length: ${CHUNKS.length + HIDDEN_REQUEST.length}\r\n${CODING}\r\n${CHUNKS}${HIDDEN_REQUEST}`,
    400,
  ],
  [
    'chunks and a length (TE.CL)',
    `${HEAD}${CODING}Content-Length: 4\r\n\r\n${chunk(HIDDEN_REQUEST)}0\r\n\r\n`,
    400,
  ],
  ['an unknown coding after chunked', `${HEAD}${CODING}Transfer-Encoding: x\r\n\r\n${CHUNKS}`, 400],
  ['an unknown coding before chunked', `${HEAD}Transfer-Encoding: x\r\n${CODING}\r\n${CHUNKS}`, 501],
  ['chunked twice', `${HEAD}${CODING}${CODING}\r\n${CHUNKS}`, 400],
  ['chunked twice in a list', `${HEAD}Transfer-Encoding: chunked, chunked\r\n\r\n${CHUNKS}`, 400],
  ['a list of codings', `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n${CHUNKS}`, 501],
  ['identity and chunked', `${HEAD}Transfer-Encoding: identity, chunked\r\n\r\n${CHUNKS}`, 501],
  ['chunked and identity', `${HEAD}Transfer-Encoding: chunked, identity\r\n\r\n${CHUNKS}`, 400],
  ['only an unknown coding', `${HEAD}Transfer-Encoding: xchunked\r\n\r\n${CHUNKS}`, 501],
  ['an unknown coding beside a length', `${HEAD}Transfer-Encoding: xchunked\r\n${LENGTH}\r\n${LEAD}`, 400],
  ['a quoted coding', `${HEAD}Transfer-Encoding: "chunked"\r\n${LENGTH}\r\n${LEAD}`, 400],
  ['identity beside a length', `${HEAD}Transfer-Encoding: identity\r\n${LENGTH}\r\n${LEAD}`, 400],
  ['a blank before the colon of a coding', `${HEAD}Transfer-Encoding : chunked\r\n\r\n${CHUNKS}`, 400],
  ['a vertical tab before a coding', `${HEAD}Transfer-Encoding: \u000bchunked\r\n\r\n${CHUNKS}`, 400],
  ['a folded coding', `${HEAD}Transfer-Encoding:\r\n chunked\r\n\r\n${CHUNKS}`, 400],
  ['a coding in a folded line', `${HEAD}X: a\r\n Transfer-Encoding: chunked\r\n${LENGTH}\r\n${LEAD}`, 400],
  [
    'chunks in HTTP/1.0, which has none',
    `${HEAD.replace('1.1', '1.0')}Connection: keep-alive\r\n${CODING}\r\n${CHUNKS}`,
    400,
  ],
  ['a target of another host', `${GET.replace('/healthz', 'http://y/healthz')}\r\n`, 400],
  ...['a b', 'a"b', '<script>', 'user@host', 'a/b', 'a?b', 'a#b', 'a:b', '[::1'].map(
    (host) => [`the host ${host}`, `${GET.replace('Host: localhost', `Host: ${host}`)}\r\n`, 400] as const,
  ),
  ['the same length twice', `${HEAD}${LENGTH}${LENGTH}\r\n${LEAD}`, 400],
  ['two lengths', `${HEAD}${LENGTH}Content-Length: 0\r\n\r\n${LEAD}`, 400],
  ['a list of lengths', `${HEAD}Content-Length: ${LEAD.length}, ${LEAD.length}\r\n\r\n${LEAD}`, 400],
  ['a length with a plus', `${HEAD}Content-Length: +${LEAD.length}\r\n\r\n${LEAD}`, 400],
  ['a length with a minus', `${HEAD}Content-Length: -${LEAD.length}\r\n\r\n${LEAD}`, 400],
  ['a length in hexadecimal', `${HEAD}Content-Length: 0x${SIZE}\r\n\r\n${LEAD}`, 400],
  ['a length with a blank in it', `${HEAD}Content-Length: 2 9\r\n\r\n${LEAD}`, 400],
  [
    'a length that is right modulo 2^64',
    `${HEAD}Content-Length: ${2n ** 64n + BigInt(LEAD.length)}\r\n\r\n${LEAD}`,
    400,
  ],
  ['an empty length', `${HEAD}Content-Length:\r\n\r\n${LEAD}`, 400],
  ['a blank before the colon of a length', `${HEAD}Content-Length : ${LEAD.length}\r\n\r\n${LEAD}`, 400],
  ['line feeds alone', `${HEAD}${LENGTH}\r\n${LEAD}`.replaceAll('\r\n', '\n'), 400],
  ['a line feed that hides a length', `${HEAD}X: a\n${LENGTH}\r\n${LEAD}`, 400],
  ['a carriage return that hides a coding', `${HEAD}X: a\r${CODING}${LENGTH}\r\n${LEAD}`, 400],
  ['a line feed that ends the head', `${HEAD}${LENGTH}\n${LEAD}`, 400],
  ['a NUL in a value', `${HEAD}X: a\0b\r\n${LENGTH}\r\n${LEAD}`, 400],
  ['a NUL in a name', `${HEAD}X\0: b\r\n${LENGTH}\r\n${LEAD}`, 400],
  ['a name of nothing', `${HEAD}: b\r\n${LENGTH}\r\n${LEAD}`, 400],
  [
    'chunk extensions of 20 kB',
    `${HEAD}${CODING}\r\n${SIZE};a=${'x'.repeat(20_000)}\r\n${LEAD}\r\n0\r\n\r\n`,
    400,
  ],
  ['a line feed in a chunk extension', `${HEAD}${CODING}\r\n${SIZE};a\nb\r\n${LEAD}\r\n0\r\n\r\n`, 400],
  ['a line feed after the size of a chunk', `${HEAD}${CODING}\r\n${SIZE}\n${LEAD}\r\n0\r\n\r\n`, 400],
  ['a line feed after a chunk', `${HEAD}${CODING}\r\n${SIZE}\r\n${LEAD}\n0\r\n\r\n`, 400],
  ['nothing after a chunk', `${HEAD}${CODING}\r\n${SIZE}\r\n${LEAD}0\r\n\r\n`, 400],
  ['the size of a chunk with 0x', `${HEAD}${CODING}\r\n0x${SIZE}\r\n${LEAD}\r\n0\r\n\r\n`, 400],
  ['the size of a chunk with a blank', `${HEAD}${CODING}\r\n${SIZE} \r\n${LEAD}\r\n0\r\n\r\n`, 400],
  ['a negative size of a chunk', `${HEAD}${CODING}\r\n-1\r\n${LEAD}\r\n0\r\n\r\n`, 400],
  ['a size of a chunk beyond 64 bits', `${HEAD}${CODING}\r\n${'F'.repeat(17)}\r\n${LEAD}\r\n`, 400],
  ['a length in a trailer', `${HEAD}${CODING}\r\n${chunk(LEAD)}0\r\nContent-Length: 500\r\n\r\n`, 400],
  ['trailers of 20 kB', `${HEAD}${CODING}\r\n${chunk(LEAD)}0\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
  ['a mebibyte of headers', `${HEAD}X: ${'y'.repeat(1_048_576)}\r\n\r\n`, 431],
  ['a target in authority form', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n', 501],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0', 400],
  ['HTTP/2.0 in words', 'GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n', 505],
  ['HTTP/0.9', 'GET /healthz\r\n\r\n', 505],
  ['a version of the future', 'GET /healthz HTTP/1.2\r\nHost: localhost\r\n\r\n', 400],
  ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', 400],
  ['two hosts', `${GET}Host: y\r\n\r\n`, 400],
  ['a blank before the first header', 'GET /healthz HTTP/1.1\r\n X: y\r\nHost: localhost\r\n\r\n', 400],
  ['a tab in the target', 'GET /healthz\tx HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
  ['an unknown method', 'HACK /leads HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
];

/** What it is · bytes · the statuses of the answers. */
const READ: readonly (readonly [string, string, readonly number[]])[] = [
  ['a coding in capitals', `${HEAD}Transfer-Encoding: CHUNKED\r\n\r\n${CHUNKS}`, [201]],
  ['a tab before a coding', `${HEAD}Transfer-Encoding:\tchunked\r\n\r\n${CHUNKS}`, [201]],
  ['blanks behind a length', `${HEAD}Content-Length: ${LEAD.length}  \r\n\r\n${LEAD}`, [201]],
  ['zeros in front of a length', `${HEAD}Content-Length: 000${LEAD.length}\r\n\r\n${LEAD}`, [201]],
  ['what looks like a length', `${HEAD}Content_Length: 5\r\n${LENGTH}\r\n${LEAD}`, [201]],
  [
    'a connection option that is a length',
    `${HEAD}Connection: Content-Length\r\n${LENGTH}\r\n${LEAD}`,
    [201],
  ],
  ['a small chunk extension', `${HEAD}${CODING}\r\n${SIZE};a=b\r\n${LEAD}\r\n0\r\n\r\n`, [201]],
  ['a trailer', `${HEAD}${CODING}\r\n${chunk(LEAD)}0\r\nX: y\r\n\r\n`, [201]],
  [
    'a target in absolute form',
    `${HEAD.replace('/leads', 'http://localhost/leads')}${LENGTH}\r\n${LEAD}`,
    [201],
  ],
  ['an expectation', `${HEAD}Expect: 100-continue\r\n${LENGTH}\r\n${LEAD}`, [100, 201]],
  [
    'an upgrade to h2c',
    `${HEAD}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n${LENGTH}\r\n${LEAD}`,
    [201],
  ],
  [
    'a request in the body of a GET',
    `${GET}Content-Length: ${HIDDEN_REQUEST.length}\r\n\r\n${HIDDEN_REQUEST}`,
    [200],
  ],
  ['a request in a chunk of a GET', `${GET}${CODING}\r\n${chunk(HIDDEN_REQUEST)}0\r\n\r\n`, [200]],
  ['empty lines in front', `\r\n\r\n${GET}\r\n`, [200]],
  ['HTTP/1.0 without a host', 'GET /healthz HTTP/1.0\r\n\r\n', [200]],
];

/**
 * Sends pieces and returns what comes back until the server closes the connection.
 *
 * @param answers with this many and everything sent, `LAST_REQUEST` follows
 */
function sendPieces(url: string, pieces: readonly string[], answers?: number): Promise<string> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = connect({ port: Number(port), host: hostname, noDelay: true });
    let text = '';
    let isSent = false;
    const sendLast = () => {
      if (!isSent || answers === undefined || statusesIn(text).length !== answers) return;
      isSent = false;
      socket.write(LAST_REQUEST);
    };
    socket.on('data', (more) => {
      text += more.toString('latin1');
      sendLast();
    });
    // Once it has refused, it need not read on.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      record(text);
      resolve(text);
    });
    void (async () => {
      for (const piece of pieces) {
        if (!socket.writable) break;
        socket.write(piece, 'latin1');
        await turn();
      }
      isSent = true;
      sendLast();
    })();
  });
}

const statusesIn = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));

async function smuggled({ sandboxUrl }: TestGateway): Promise<SandboxLead[]> {
  const { leads } = (await controlOf(sandboxUrl)('GET', '/leads')) as { leads: SandboxLead[] };
  return leads.filter(({ email }) => email?.startsWith('smuggled'));
}

describe.each([
  ['whole', (bytes: string) => [bytes]],
  ['byte by byte', (bytes: string) => (bytes.length < 1000 ? Array.from(bytes) : [bytes])],
])('sent %s', (_how, cut) => {
  let gateway: TestGateway;
  beforeEach(async () => {
    gateway = await startTestGateway();
  });

  test.each(REFUSED)('%s is refused once, and nothing behind it is served', async (_what, bytes, status) => {
    const text = await sendPieces(gateway.url, cut(bytes + HIDDEN_REQUEST));
    expect(statusesIn(text)).toEqual([status]);
    expect(text).toMatch(/^X-Request-Id: [\w.-]+\r$/m);
    expect(text).toMatch(/^Connection: close\r$/m);
    expect(await smuggled(gateway)).toEqual([]);
  });

  test.each(READ)('%s is read as intended', async (_what, bytes, statuses) => {
    const text = await sendPieces(gateway.url, cut(bytes), statuses.length);
    // An answer to anything hidden in the bytes would stand before that of the last request.
    expect(statusesIn(text)).toEqual(bytes.includes('HTTP/1.0') ? statuses : [...statuses, 404]);
    expect(await smuggled(gateway)).toEqual([]);
  });
});
