import type { Socket } from 'node:net';
import { success } from '../../support/answers.ts';
import {
  badResponse,
  rawAnswer,
  result,
  timedOut,
  unreachable,
  type UpstreamBehaviour,
} from './behaviour.ts';

const ANSWER = rawAnswer(success());
const HEAD = ANSWER.slice(0, ANSWER.indexOf('\r\n\r\n') + 4);

/** A call's timeout well inside the deadline. */
const QUICK = { REQUEST_DEADLINE_MS: '700', UPSTREAM_TIMEOUT_MS: '300' };
/** A deadline before a call's timeout. */
const IMPATIENT = { REQUEST_DEADLINE_MS: '300', UPSTREAM_TIMEOUT_MS: '5000' };

const onRequest = (act: (socket: Socket, index: number) => void): UpstreamBehaviour['upstream'] => ({
  raw: { onRequest: (socket, { index }) => act(socket, index) },
});

const writes = (text: string) => onRequest((socket) => void socket.write(text));
const ends = (text: string) => onRequest((socket) => void socket.end(text));

/** Writes, and when that is on its way resets the connection. */
const resetsAfter = (text: string) =>
  onRequest((socket) => void socket.write(text, () => setTimeout(() => socket.resetAndDestroy(), 20)));

/** Writes one text again and again, until the client disconnects. */
const trickles = (first: string, again: string) =>
  onRequest((socket) => {
    socket.write(first);
    const timer = setInterval(() => socket.write(again), 20);
    socket.on('close', () => clearInterval(timer));
  });

const STALLS: readonly [string, UpstreamBehaviour['upstream']][] = [
  ['no answer at all', onRequest(() => {})],
  ['half a status line', writes('HTTP/1.1 20')],
  ['half the headers', writes(HEAD.slice(0, -10))],
  ['the headers and no body', writes(HEAD)],
  ['half a body', writes(ANSWER.slice(0, -100))],
  [
    'a chunked body without an end',
    writes(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<a/> \r\n`),
  ],
  ['headers that never end', trickles('HTTP/1.1 200 OK\r\n', 'X: y\r\n')],
  ['a body that never ends', trickles('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\n \r\n')],
  ['103 Early Hints without an end', trickles('', 'HTTP/1.1 103 Early Hints\r\n\r\n')],
];

const BREAKS: readonly [string, UpstreamBehaviour['upstream']][] = [
  ['connection refused', { endpoint: 'http://127.0.0.1:1/soap/mktows/2_9' }],
  ['TLS with a wrong certificate', { raw: { tls: true, onRequest: (socket) => void socket.write(ANSWER) } }],
  [
    'reset as soon as there is a connection',
    { raw: { onConnection: (socket) => void socket.resetAndDestroy() } },
  ],
  ['closed as soon as there is a connection', { raw: { onConnection: (socket) => void socket.end() } }],
  ['reset before the headers', onRequest((socket) => void socket.resetAndDestroy())],
  ['reset in the headers', resetsAfter(HEAD.slice(0, -10))],
  ['reset after the headers', resetsAfter(HEAD)],
  ['reset in the body', resetsAfter(ANSWER.slice(0, -100))],
  [
    'reset in a chunked body',
    resetsAfter('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<a/> \r\n'),
  ],
  ['closed without an answer', ends('')],
  ['closed in the headers', ends(HEAD.slice(0, -10))],
  ['closed in the body', ends(ANSWER.slice(0, -100))],
  ['two lengths that differ', writes(rawAnswer(success(), ['Content-Length: 5']))],
  ['an unsolicited 100 Continue', writes(`HTTP/1.1 100 Continue\r\n\r\n${ANSWER}`)],
  [
    '101 Switching Protocols',
    writes('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
  ],
];

const NOT_HTTP: readonly [string, UpstreamBehaviour['upstream']][] = [
  ['another protocol', writes('SSH-2.0-OpenSSH_9.6\r\n')],
  ['an answer without a head', ends(success())],
  [
    'an invalid chunk size',
    writes('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n<a/>\r\n0\r\n\r\n'),
  ],
  ['an invalid length', writes('HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n<a/>')],
  ['a header without a colon', writes('HTTP/1.1 200 OK\r\nNonsense\r\n\r\n')],
  ['headers of 1 MiB', writes(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(1_048_576)}\r\n\r\n`)],
  ['10,000 headers', writes(`HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(10_000)}\r\n`)],
];

export const BROKEN_CONNECTIONS: readonly UpstreamBehaviour[] = [
  ...STALLS.flatMap(([what, upstream]) => [
    { what: `stall: ${what}`, upstream, expected: timedOut, calls: 1, env: QUICK },
    { what: `stall past the deadline: ${what}`, upstream, expected: timedOut, calls: 1, env: IMPATIENT },
  ]),
  ...BREAKS.map(([what, upstream]) => ({ what: `break: ${what}`, upstream, expected: unreachable })),
  ...NOT_HTTP.map(([what, upstream]) => ({
    what: `no HTTP: ${what}`,
    upstream,
    expected: badResponse,
    calls: 1,
  })),
  {
    what: 'break: TLS whose handshake never ends',
    upstream: { raw: {}, scheme: 'https' },
    expected: timedOut,
    env: IMPATIENT,
  },
  {
    what: 'break: reset in a body without a length',
    upstream: resetsAfter(`HTTP/1.1 200 OK\r\n\r\n${success().slice(0, -100)}`),
    expected: badResponse,
  },
  {
    what: 'a reset, then a success',
    upstream: onRequest(
      (socket, index) => void (index === 0 ? socket.resetAndDestroy() : socket.write(ANSWER)),
    ),
    expected: result(),
    calls: 2,
  },
  {
    what: 'half an answer, then a whole one',
    upstream: onRequest(
      (socket, index) => void (index === 0 ? socket.end(ANSWER.slice(0, -100)) : socket.write(ANSWER)),
    ),
    expected: result(),
    calls: 2,
  },
];
