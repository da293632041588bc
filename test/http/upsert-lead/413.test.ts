import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { startApp, unreachable } from '../../support/app.ts';
import { putLead, problemType } from '../../support/client.ts';
import { testEvery } from '../../support/exhaustive.ts';

const MEBIBYTE = 1_048_576;

/** A lead of exactly `bytes` bytes. */
function leadOf(bytes: number): string {
  const lead = '{"email":"jane@example.com"}';
  return lead + ' '.repeat(bytes - lead.length);
}

describe('PUT /leads answers 413 body-too-large', () => {
  testEvery<[string, string | Uint8Array, Record<string, string>]>(2, [
    ['one byte more than 1 MiB', leadOf(MEBIBYTE + 1), {}],
    ['one byte more in chunks, without a length', leadOf(MEBIBYTE + 1), { 'transfer-encoding': 'chunked' }],
    ['eight times as much', leadOf(8 * MEBIBYTE), {}],
    [
      'few bytes that are many when decompressed',
      gzipSync(leadOf(64 * MEBIBYTE), { level: 1 }),
      { 'content-encoding': 'gzip' },
    ],
  ])('to %s', async (_what, body, headers) => {
    const { url } = await startApp({ directory: unreachable });
    const answer = await putLead(url, body, headers);
    expect(answer.json).toEqual({
      type: problemType('body-too-large'),
      title: 'The body is too large',
      status: 413,
      detail: 'The body has more than 1048576 bytes; send one lead, without files.',
      requestId: 'request-1',
      retryable: false,
    });
  });
});
