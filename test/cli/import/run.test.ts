import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createDisplay, duration } from '../../../src/cli/import/display.ts';
import { dryRun } from '../../../src/cli/import/dry-run.ts';
import { keysOf, type Row } from '../../../src/cli/import/row.ts';
import { createSender } from '../../../src/cli/import/run.ts';
import { connectGateway } from '../../../src/cli/import/send.ts';

function rowOf(row: number, email: string): Row {
  const lead = { email, attributes: { LeadScore: row } };
  return { row, body: JSON.stringify(lead), keys: keysOf(lead), source: '' };
}

type Handler = (emails: readonly string[], res: ServerResponse, req: IncomingMessage) => void;

/** A gateway that answers each request by the next handler, and a sender to it whose pauses take no time. */
async function startAnswers(handlers: readonly Handler[]) {
  const requests: string[][] = [];
  const server = createServer((req, res) => {
    let body = '';
    req.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    req.on('end', () => {
      const emails = body
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { email: string }).email);
      const handler = handlers[requests.length];
      requests.push(emails);
      handler?.(emails, res, req);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const gateway = connectGateway(url, undefined);
  onTestFinished(() => {
    gateway.close();
    server.closeAllConnections();
    server.close();
  });
  const pauses: number[] = [];
  const send = createSender({
    gateway,
    clock: { setTimer: (fn) => setTimeout(fn, 0) },
    onPause: (_why, ms) => pauses.push(ms),
  });
  return { send, gateway, requests, pauses };
}

const results =
  (answers: Readonly<Record<string, object>>, most = Infinity): Handler =>
  (emails, res) => {
    res.writeHead(200, { 'content-type': 'application/x-ndjson' });
    const lines = emails.slice(0, most).map((email, index) => {
      const answer = answers[email] ?? { status: 200, leadId: 1, result: 'UPDATED' };
      return `${JSON.stringify({ index, ...answer })}\n`;
    });
    res.end(lines.join(''));
  };

const busy = (retryAfter?: number) => ({
  status: 429,
  problem: { type: '/problems/rate-limited', detail: 'Too many.', retryable: true },
  retryAfter,
});
const broken = {
  status: 504,
  problem: { type: '/problems/upstream-timeout', detail: 'Late.', retryable: true },
};
const invalid = { status: 422, problem: { type: '/problems/validation-failed', detail: 'Not valid.' } };

test('a row that is sent again takes the later rows of its person with it, and no others', async () => {
  const { send, requests, pauses } = await startAnswers([results({ a: busy(7) }), results({})]);
  const rows = ['x', 'a', 'b', 'A', 'c'].map((email, at) => rowOf(at, email));
  expect(await send(rows)).toEqual({ stored: 5, failures: [] });
  expect(requests).toEqual([
    ['x', 'a', 'b', 'A', 'c'],
    ['a', 'A'],
  ]);
  expect(pauses).toEqual([7000]);
});

test('rows without a result are sent again from where the gateway stopped', async () => {
  const stopped = { status: 503, problem: { type: '/problems/shutting-down', detail: 'Stopping.' } };
  const { send, requests } = await startAnswers([results({ b: stopped }, 2), results({ d: invalid })]);
  const settled = await send(['a', 'b', 'c', 'd'].map((email, at) => rowOf(at, email)));
  expect(requests[1]).toEqual(['b', 'c', 'd']);
  expect(settled.stored).toBe(3);
  expect(settled.failures).toMatchObject([
    { row: { row: 3 }, status: 422, problem: 'validation-failed', detail: 'Not valid.' },
  ]);
});

test('a lost connection and a 502 of a proxy are waited for, longer each time', async () => {
  const cut: Handler = (_emails, _res, req) => req.socket.destroy();
  const badGateway: Handler = (_emails, res) => res.writeHead(502).end('<html>');
  const { send, pauses } = await startAnswers([cut, badGateway, cut, results({})]);
  expect(await send([rowOf(1, 'a')])).toEqual({ stored: 1, failures: [] });
  expect(pauses).toEqual([1000, 2000, 4000]);
});

test('a row whose calls fail again and again is given up, and the others go on', async () => {
  const { send, requests } = await startAnswers(Array.from({ length: 8 }, () => results({ a: broken })));
  const settled = await send([rowOf(1, 'a'), rowOf(2, 'b')]);
  expect(requests.length).toBe(8);
  expect(settled).toMatchObject({ stored: 1, failures: [{ status: 504, problem: 'upstream-timeout' }] });
});

test('a gateway that never answers is not waited for without end', async () => {
  const cut: Handler = (_emails, _res, req) => req.socket.destroy();
  const { send, requests } = await startAnswers(Array.from({ length: 9 }, () => cut));
  await expect(send([rowOf(1, 'a')])).rejects.toThrow(/The gateway does not answer/);
  expect(requests.length).toBe(5);
});

test('what is not the gateway is told, and no row is sent to it again', async () => {
  const notFound: Handler = (_emails, res) => res.writeHead(404).end('nothing here');
  const { send, requests } = await startAnswers([notFound]);
  await expect(send([rowOf(1, 'a')])).rejects.toThrow(/refused the import \(404\): 404 Not Found/);
  expect(requests.length).toBe(1);
});

test('a key that is revoked on the way ends the import, and no row is at fault', async () => {
  const revoked = { status: 401, problem: { type: '/problems/unauthorized', detail: 'No longer valid.' } };
  const { send, requests } = await startAnswers([results({ b: revoked }, 2), results({})]);
  await expect(send([rowOf(1, 'a'), rowOf(2, 'b'), rowOf(3, 'c')])).rejects.toThrow(
    /refused the import \(401\): No longer valid\. Check the key/,
  );
  expect(requests.length).toBe(1);
});

test('a member that the detail leaves out is told beside it', async () => {
  const many = ['a', 'b', 'c', 'd'].map((name) => ({
    pointer: `#/attributes/${name}`,
    detail: 'is no text',
  }));
  const detail = `4 members are not valid. attributes/a: is no text. attributes/b: is no text. attributes/c: is no text. And 1 more.`;
  const problem = { type: '/problems/validation-failed', detail, errors: many };
  const { send } = await startAnswers([results({ a: { status: 422, problem } })]);
  const { failures } = await send([rowOf(1, 'a')]);
  expect(failures).toMatchObject([{ detail: `${detail} #/attributes/d is no text` }]);
});

test('a dry run waits for a limit of the key', async () => {
  const limited: Handler = (_emails, res) => res.writeHead(429, { 'retry-after': '3' }).end('{}');
  const valid: Handler = (_emails, res) => res.writeHead(200).end('{"valid":true,"warnings":[]}');
  const { gateway, requests } = await startAnswers([limited, limited, valid]);
  const waits: number[] = [];
  const clock = {
    setTimer(fn: () => void, ms: number) {
      waits.push(ms);
      return setTimeout(fn, 0);
    },
  };
  async function* rows() {
    yield rowOf(2, 'a');
  }
  expect(await dryRun({ rows }, gateway, clock)).toBe(0);
  expect(requests.length).toBe(3);
  expect(waits).toEqual([3000, 3000]);
});

test('that rows were checked without the fields of Marketo is told once, and counted', async () => {
  const detail = 'was checked without the fields of Marketo. Late.';
  const unread: Handler = (_emails, res) =>
    res.writeHead(200).end(JSON.stringify({ valid: true, warnings: [{ pointer: '#', detail }] }));
  const { gateway } = await startAnswers([unread, unread]);
  async function* rows() {
    yield rowOf(2, 'a');
    yield rowOf(3, 'b');
  }
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  expect(await dryRun({ rows }, gateway, { setTimer: (fn) => setTimeout(fn, 0) })).toBe(0);
  expect(write.mock.calls.map(([text]) => text)).toEqual([
    `row 2 ${detail}\n`,
    "2 rows, none of them would be refused, 2 were checked without Marketo's fields\n",
  ]);
});

test('progress has its rate and the time left: in place on a terminal, else a line every ten seconds', () => {
  let nowMs = 0;
  const shown = (isTTY: boolean) => {
    nowMs = 0;
    let text = '';
    const stream = {
      isTTY,
      write(part: string) {
        text += part;
      },
    };
    const display = createDisplay(stream, { monotonicMs: () => nowMs }, 10_000, 1000);
    for (nowMs = 1000; nowMs <= 20_000; nowMs += 1000) display.update(1000 + nowMs / 10, 3);
    display.end();
    return text;
  };
  expect(shown(false)).toBe(
    '2000 of 10000 rows (20 %), 3 failed, 100/s, 1 min 20 s left\n3000 of 10000 rows (30 %), 3 failed, 100/s, 1 min 10 s left\n',
  );
  expect(shown(true).split('\r\u001B[K').length).toBe(22);
  expect(duration(3_725_000)).toBe('1 h 2 min');
});
