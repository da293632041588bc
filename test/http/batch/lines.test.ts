import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { UpsertContext, UpsertLead, UpsertResult } from '../../../src/leads/lead.ts';
import { directoryThat, startApp, unreachable } from '../../support/app.ts';
import { LINES, openLines, putLines } from '../../support/batch.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { EXHAUSTIVE, testTable } from '../../support/exhaustive.ts';

const jane = { email: 'jane@example.com' };

/** Stores each lead under the number at the start of its address. */
const numbered = (taken: UpsertLead[] = []) =>
  directoryThat((command) => {
    taken.push(command);
    return { leadId: Number.parseInt(command.email ?? '', 10), status: 'UPDATED' };
  });

/** A directory that answers when the test says so. */
function heldDirectory() {
  const held: { command: UpsertLead; context: UpsertContext; answer: (result: UpsertResult) => void }[] = [];
  const directory = directoryThat(
    (command, context) =>
      new Promise((resolve) => {
        held.push({ command, context, answer: resolve });
      }),
  );
  const answer = (count: number) => {
    for (const { answer: resolve } of held.splice(0, count)) resolve({ leadId: 1, status: 'UPDATED' });
  };
  return { directory, held, answer };
}

test('answers each line, in order', async () => {
  const { url } = await startApp({ directory: numbered() });
  const leads = Array.from({ length: 3000 }, (_, at) => ({ email: `${at + 1}@example.com` }));
  const { status, headers, results } = await putLines(url, leads);
  expect([status, headers.get('content-type')]).toEqual([200, LINES]);
  expect(results).toEqual(
    leads.map((_, index) => ({ index, status: 200, leadId: index + 1, result: 'UPDATED' })),
  );
});

test('answers while it reads', async () => {
  const { directory, held, answer } = heldDirectory();
  const { url } = await startApp({ directory });
  const stream = await openLines(url);
  stream.write(jane);
  await expect.poll(() => held.length).toBe(1);
  answer(1);
  await stream.received(1);
  stream.write('{"email":"b@example');
  stream.write('.com"}\n');
  await expect.poll(() => held.length).toBe(1);
  expect(held[0]?.command.email).toBe('b@example.com');
  answer(1);
  await stream.received(2);
  stream.end();
  await stream.ended();
  expect(stream.results().map(({ index }) => index)).toEqual([0, 1]);
});

test('reads line ends of any kind, byte order marks and blank lines', async () => {
  const taken: UpsertLead[] = [];
  const { url } = await startApp({ directory: numbered(taken) });
  const text =
    '\uFEFF{"email":"1@example.com"}\r\n\n \t\r\n\uFEFF\n{"email":"2@example.com"}\n\r\n{"email":"3@example.com"}';
  const { results } = await putLines(url, [text]);
  expect(results.map(({ index, leadId }) => [index, leadId])).toEqual([
    [0, 1],
    [1, 2],
    [2, 3],
  ]);
  expect((await putLines(url, [])).text).toBe('');
  expect((await putLines(url, ['\n\n'])).text).toBe('');
});

test('long lines, which are checked in turns, keep their places among short ones', EXHAUSTIVE, async () => {
  const { url } = await startApp({ directory: numbered() });
  const long = (at: number) => ({
    email: `${at}@example.com`,
    attributes: Object.fromEntries(
      Array.from({ length: 400 }, (_, index) => [`A${index}`, 'é'.repeat(1000)]),
    ),
  });
  const short = (at: number) => ({ email: `${at}@example.com` });
  const lines = Array.from({ length: 30 }, (_, at) => (at % 3 === 1 ? long(at + 1) : short(at + 1)));
  const broken = `{"email":"x@example.com",${' '.repeat(100_000)}\n`;
  const { results } = await putLines(url, [...lines, broken, short(32), long(33), '\n', broken.trimEnd()]);
  expect(results.map(({ index, status, leadId }) => [index, status, leadId])).toEqual([
    ...lines.map((_, at) => [at, 200, at + 1]),
    [30, 400, undefined],
    [31, 200, 32],
    [32, 200, 33],
    [33, 400, undefined],
  ]);
  expect(results[30]?.problem.detail).toMatch(/^Column 100026: expected a member name/);
});

test('a caller that leaves while a long line is checked leaves nothing behind', async () => {
  const { directory, held } = heldDirectory();
  const { url } = await startApp({ directory });
  const stream = await openLines(url);
  stream.write(jane);
  await expect.poll(() => held.length).toBe(1);
  stream.write(
    `{"email":"b@example.com","attributes":{"A":"${'x'.repeat(60_000)}","B":"${'[1],'.repeat(100_000)}"}}\n`,
  );
  stream.request.destroy();
  await expect.poll(() => held[0]?.context.signal.aborted).toBe(true);
  expect((await putLines(url, [])).status).toBe(200);
});

test('a broken line is the problem of that line', async () => {
  const { url } = await startApp({ directory: numbered() });
  const lead = (at: number) => `{"email":"${at}@example.com"}\n`;
  const { results } = await putLines(url, [
    lead(1),
    '{"email":\n',
    lead(2),
    Buffer.from('{"email":"3@example.com","attributes":{"A":"\u00E9"}}\n', 'latin1'),
    lead(3),
    '[]\n',
    '{"email":"4@example.com","attributes":{"A":"\\ud800"}}\n',
    lead(4),
    '{"leads":[]}\n',
    lead(5),
  ]);
  expect(results.map(({ status }) => status)).toEqual([200, 400, 200, 400, 200, 422, 422, 200, 422, 200]);
  expect(results[1]?.problem.detail).toBe('Column 10: expected a value, found the end of the text.');
  expect(results[3]?.problem.detail).toMatch(/^The line is not valid UTF-8/);
  expect(results[6]?.problem.errors[0].pointer).toBe('#/attributes/A');
});

test('a line may have 1 MiB, and one that has more is the problem of that line', async () => {
  const { url } = await startApp({ directory: numbered() });
  const line = (bytes: number) => {
    const attributes = Object.fromEntries(
      Array.from({ length: 17 }, (_, at) => [`a${at}`, 'x'.repeat(60_000)]),
    );
    const short = JSON.stringify({ email: '1@example.com', attributes: { ...attributes, rest: '' } });
    return JSON.stringify({
      email: '1@example.com',
      attributes: { ...attributes, rest: 'y'.repeat(bytes - short.length) },
    });
  };
  const most = line(1_048_576);
  const { results } = await putLines(url, [
    `${most}\n`,
    `${most} \n`,
    `${most}\r\n`,
    'x'.repeat(5_000_000),
    '\n',
    { email: '9@example.com' },
    most,
  ]);
  expect(results.map(({ status }) => status)).toEqual([200, 413, 200, 413, 200, 200]);
});

test('decompresses, and says where that fails', async () => {
  const { url } = await startApp({ directory: numbered() });
  const bytes = gzipSync('{"email":"1@example.com"}\n'.repeat(8000));
  const good = await putLines(url, [bytes], { 'content-encoding': 'gzip' });
  expect(good.results).toHaveLength(8000);
  const broken = await putLines(url, [bytes.subarray(0, 500), Buffer.from('nonsense')], {
    'content-encoding': 'gzip',
  });
  expect(broken.results.at(-1)).toMatchObject({
    status: 400,
    problem: { detail: expect.stringMatching(/decompressed/) },
  });
});

testTable(3, ['x\n', '\n', '{}\n'])(
  'reads no further where a few bytes stand for very many lines',
  async (units) => {
    const { url } = await startApp({ directory: numbered() });
    for (const unit of units) {
      const { results } = await putLines(url, [gzipSync(unit.repeat(200_000))], {
        'content-encoding': 'gzip',
      });
      expect(results.length).toBeLessThanOrEqual(12_000);
      const last = results.at(-1);
      expect([last?.status, last?.index]).toEqual([413, results.length - 1]);
      expect(last?.problem.detail).toMatch(/send it without Content-Encoding\.$/);
    }
  },
);

test('reads no further where a few bytes stand for one very long line', async () => {
  const { url } = await startApp({ directory: numbered() });
  const blanks = brotli(`{"email":"1@example.com"}\n${' '.repeat(20_000_000)}`);
  const long = await putLines(url, [blanks], { 'content-encoding': 'br' });
  expect(long.results.map(({ status }) => status)).toEqual([200, 413]);
});

test.each([
  ['many short ones', 12_000, ''],
  ['with a long text that all of them have', 2000, 'x'.repeat(1500)],
])('leads of different people may be compressed as far as they can be: %s', async (_what, count, text) => {
  const { url } = await startApp({ directory: numbered() });
  const leads = Array.from(
    { length: count },
    (_, at) => `{"email":"${at}@example.com","attributes":{"Description":"${text}"}}\n`,
  ).join('');
  const { results } = await putLines(url, [brotli(leads)], { 'content-encoding': 'br' });
  expect(results).toHaveLength(count);
  expect(results.at(-1)?.status).toBe(200);
});

const brotli = (text: string) =>
  brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } });

test('takes no more leads in than it can answer, and goes on when it has', async () => {
  const { directory, held, answer } = heldDirectory();
  const { url } = await startApp({ directory });
  const stream = await openLines(url);
  stream.write(`${JSON.stringify(jane)}\n`.repeat(5000));
  stream.end();
  await expect.poll(() => held.length).toBe(2000);
  answer(500);
  await stream.received(500);
  await expect.poll(() => held.length).toBe(2000);
  for (let left = 4500; left > 0; left -= 500) {
    await expect.poll(() => held.length).toBeGreaterThanOrEqual(Math.min(500, left));
    answer(500);
  }
  await stream.ended();
  expect(stream.results()).toHaveLength(5000);
});

test('a caller that leaves takes out what waits', async () => {
  const { directory, held, answer } = heldDirectory();
  const { url, log } = await startApp({ directory });
  const stream = await openLines(url);
  stream.write(`${JSON.stringify(jane)}\n`.repeat(100));
  await expect.poll(() => held.length).toBe(100);
  const [{ context } = { context: undefined }] = held;
  answer(10);
  await stream.received(10);
  stream.request.on('error', () => {});
  stream.request.destroy();
  await expect.poll(() => context?.signal.aborted).toBe(true);
  await expect
    .poll(() => log().some(({ status, route }) => status === null && route === '/leads/batch'))
    .toBe(true);
  expect(stream.results()).toHaveLength(10);
});

test('a reader that stops reading stops the intake', async () => {
  let taken = 0;
  // So long that few answers fill what sockets buffer.
  const attributes = [{ name: 'Description', value: 'x'.repeat(4000) }];
  const lead = { id: 1, email: null, foreignSysPersonId: null, foreignSysType: null, attributes };
  const directory = directoryThat(() => {
    taken += 1;
    return { leadId: 2_147_483_647, status: 'UPDATED', lead };
  });
  const { url } = await startApp({ directory });
  const stream = await openLines(url);
  stream.request.once('response', (response) => response.pause());
  const block = `${JSON.stringify(jane)}\n`.repeat(10_000);
  let before = -1;
  await expect
    .poll(
      () => {
        while (stream.request.writableLength < 10_000_000) stream.request.write(block);
        const isStill = taken === before && stream.request.writableLength > 5_000_000;
        before = taken;
        return isStill;
      },
      { interval: 50, timeout: 30_000 },
    )
    .toBe(true);
  stream.request.on('error', () => {});
  stream.request.destroy();
});

test('refuses a form with a charset of its own', async () => {
  const { url } = await startApp({ directory: unreachable });
  const { status } = await putLines(url, [jane], { 'content-type': `${LINES}; charset=utf-16` });
  expect(status).toBe(415);
  const named = await putLines(url, ['x'], { 'content-type': `${LINES}; charset=UTF-8` });
  expect(named.results[0]?.status).toBe(400);
});

test('stores a stream', EXHAUSTIVE, async () => {
  const { url } = await startTestGateway();
  const leads = Array.from({ length: 1500 }, (_, at) => ({ email: `p${at % 1000}@example.com` }));
  const { results } = await putLines(url, leads);
  expect(results.filter(({ status }) => status === 201)).toHaveLength(1000);
  expect(results.slice(1000).every(({ status }) => status === 200)).toBe(true);
});

test('a stop of the gateway answers what was taken in, and ends the stream', async () => {
  const gateway = await startTestGateway();
  const stream = await openLines(gateway.url);
  stream.write(`${JSON.stringify(jane)}\n`.repeat(3));
  await stream.received(3);
  const closed = gateway.close();
  await stream.ended();
  await closed;
  const results = stream.results();
  expect(results.map(({ index, status }) => [index, status])).toEqual([
    [0, 201],
    [1, 201],
    [2, 201],
    [3, 503],
  ]);
  expect(results[3]).toMatchObject({ retryAfter: 5, problem: { retryable: true } });
});

test('lines that are under way count as memory for bodies', async () => {
  const { directory, held, answer } = heldDirectory();
  const { url } = await startApp({ directory, maxBufferedBytes: 1000 });
  const stream = await openLines(url);
  const line = `${JSON.stringify(jane)}\n`;
  stream.write(line.repeat(200));
  stream.end();
  await expect.poll(() => held.length).toBe(Math.floor(1000 / (line.length - 1)));
  let left = 200;
  while (left > 0) {
    await expect.poll(() => held.length).toBeGreaterThan(0);
    left -= held.length;
    answer(held.length);
  }
  await stream.ended();
  expect(stream.results()).toHaveLength(200);
});

test('lines that have begun count as bodies that arrive: when memory is short, the slowest go', async () => {
  const { url } = await startApp({ directory: numbered(), maxBufferedBytes: 100_000 });
  const slow = await openLines(url);
  slow.write(`{"email":"1@example.com","attributes":{"Notes":"${'x'.repeat(60_000)}`);
  // Until it has arrived, the other may be the slower one.
  await expect
    .poll(async () => {
      const { results } = await putLines(url, [
        { email: '2@example.com', attributes: { Notes: 'x'.repeat(50_000) } },
      ]);
      if (slow.results().length === 0) await new Promise((resolve) => setImmediate(resolve));
      return [results[0]?.status, slow.results()[0]?.status];
    })
    .toEqual([200, 503]);
  await slow.ended();
  expect(slow.results()[0]).toMatchObject({ index: 0, problem: { retryable: true } });
});
