import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { startApp } from '../support/app.ts';
import { putLead } from '../support/client.ts';
import { anyCharacter, fuzz } from '../support/fuzz.ts';

/** What a body means, whatever the request was called. */
async function meaningOf(url: string, body: Uint8Array, headers: Record<string, string>): Promise<unknown> {
  const { status, json } = await putLead(url, body, { 'x-request-id': 'same', ...headers });
  return { status, json };
}

const text = fc.oneof(
  fc.json().map((json) => Buffer.from(json)),
  fc.string({ unit: anyCharacter }).map((raw) => Buffer.from(raw)),
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  fc
    .dictionary(
      fc.string(),
      fc.oneof(fc.string({ unit: anyCharacter }), fc.double(), fc.boolean(), fc.constant(null)),
    )
    .map((attributes) => Buffer.from(JSON.stringify({ email: 'jane@example.com', attributes }))),
);

test('a body means the same with a length, in chunks and compressed', async () => {
  const { url } = await startApp();
  await fc.assert(
    fc.asyncProperty(text, async (body) => {
      const withLength = await meaningOf(url, body, { 'content-length': String(body.length) });
      expect(await meaningOf(url, body, { 'transfer-encoding': 'chunked' })).toEqual(withLength);
      expect(await meaningOf(url, gzipSync(body), { 'content-encoding': 'gzip' })).toEqual(withLength);
    }),
    fuzz(20),
  );
});
