// Requests whose end a proxy and a server could see in different places (request smuggling), for the tests and for
// `npm run check:security`.
import { connect, isIP } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';

const LEAD = '{"email":"outer@example.com"}';
const HEAD = 'PUT /leads HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const LENGTH = `Content-Length: ${LEAD.length}\r\n`;
const CODING = 'Transfer-Encoding: chunked\r\n';

const HIDDEN = '{"email":"smuggled@example.com"}';
export const HIDDEN_REQUEST = `${HEAD}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`;

/** Its answer is the last on the connection. */
const LAST_REQUEST = 'GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

const SIZE = LEAD.length.toString(16);
const chunk = (text) => `${text.length.toString(16)}\r\n${text}\r\n`;
const CHUNKS = `${chunk(LEAD)}0\r\n\r\n`;
const GET = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n';

/** What it is · bytes · the status of the only answer. */
export const REFUSED = [
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
  ...['a b', 'a"b', '<script>', 'user@host', 'a/b', 'a?b', 'a#b', 'a:b', '[::1'].map((host) => [
    `the host ${host}`,
    `${GET.replace('Host: localhost', `Host: ${host}`)}\r\n`,
    400,
  ]),
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
export const READ = [
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
export function sendPieces(url, pieces, answers) {
  return new Promise((resolve) => {
    const { protocol, hostname, port } = new URL(url);
    const host = hostname.replaceAll(/[[\]]/g, '');
    const socket =
      protocol === 'https:'
        ? connectTls({ port: Number(port || 443), host, servername: isIP(host) === 0 ? host : '' })
        : connect({ port: Number(port || 80), host, noDelay: true });
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

/** The statuses of all answers in what has come back. */
export const statusesIn = (text) =>
  [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
