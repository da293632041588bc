import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { decodeContent } from '../../src/transport/http-post.ts';
import { testEvery } from '../support/exhaustive.ts';

/** Quickly: at its best it takes 2 s for 50 MB. */
const br = (body: Buffer) => brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });

const TEXT = Buffer.from('<a>ä</a>'.repeat(50));
const decode = (body: Buffer, coding: string, maxBytes = 1_000_000) => decodeContent(body, coding, maxBytes);

testEvery(3, [
  ['gzip', 'gzip', gzipSync(TEXT)],
  ['x-gzip, its old name', 'x-gzip', gzipSync(TEXT)],
  ['gzip in another case', ' GZip ', gzipSync(TEXT)],
  ['gzip in two members', 'gzip', Buffer.concat([gzipSync(TEXT.subarray(0, 9)), gzipSync(TEXT.subarray(9))])],
  ['deflate, as the RFC has it', 'deflate', deflateSync(TEXT)],
  ['deflate without its wrapper, as some servers send it', 'deflate', deflateRawSync(TEXT)],
  ['br', 'br', br(TEXT)],
  ['identity', 'identity', TEXT],
  ['an empty header', ' , ', TEXT],
  ['two codings, the last one undone first', 'deflate, gzip', gzipSync(deflateSync(TEXT))],
  ['four codings', 'br,br,br,br', [1, 2, 3, 4].reduce((body) => br(body), TEXT)],
])('%s is undone', async (_what, coding, body) => {
  expect(await decode(body, coding)).toEqual(TEXT);
});

testEvery(2, ['gzip', 'deflate', 'br', 'compress'])(
  'an empty body stays empty, whatever %s says',
  async (coding) => {
    expect(await decode(Buffer.alloc(0), coding)).toEqual(Buffer.alloc(0));
  },
);

testEvery(3, [
  ['text that is not compressed', 'gzip', TEXT],
  ['a cut gzip', 'gzip', gzipSync(TEXT).subarray(0, -4)],
  ['a cut deflate', 'deflate', deflateSync(TEXT).subarray(0, -4)],
  ['a single byte', 'deflate', Buffer.from([0x78])],
  ['a cut br', 'br', br(TEXT).subarray(0, -2)],
  [
    'a gzip whose checksum is wrong',
    'gzip',
    Buffer.concat([gzipSync(TEXT).subarray(0, -8), Buffer.alloc(8)]),
  ],
  ['an unknown coding', 'compress', TEXT],
  ['a coding that is named like a property', 'constructor', TEXT],
  ['five codings', 'br,br,br,br,br', TEXT],
])('%s is a bad encoding', async (_what, coding, body) => {
  expect(await decode(body, coding)).toEqual({ reason: 'bad-encoding', cause: expect.any(Error) });
});

const ZEROS = Buffer.alloc(50_000_000);

testEvery(2, [
  ['gzip', gzipSync(ZEROS, { level: 1 })],
  ['deflate', deflateSync(ZEROS, { level: 1 })],
  ['br', br(ZEROS)],
  ['gzip, gzip', gzipSync(gzipSync(ZEROS, { level: 1 }))],
])('a %s bomb is stopped at the limit', async (coding, bomb) => {
  const before = process.memoryUsage().arrayBuffers;
  expect(await decode(bomb, coding)).toEqual({ reason: 'too-large', cause: expect.any(Error) });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
});

test('the limit is what may come out, not less', async () => {
  expect(await decode(gzipSync(Buffer.alloc(1000)), 'gzip', 1000)).toHaveLength(1000);
  expect(await decode(gzipSync(Buffer.alloc(1001)), 'gzip', 1000)).toMatchObject({ reason: 'too-large' });
});
