import { promisify } from 'node:util';
import zlib from 'node:zlib';

type Decoder = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const unzip: Decoder = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.unzip);
const inflateRaw: Decoder = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflateRaw);
const brotli: Decoder = promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress);

/** RFC 9110, 8.4.1. Some servers send `deflate` without the zlib wrapper that the RFC requires. */
const DECODERS: ReadonlyMap<string, Decoder> = new Map([
  ['gzip', unzip],
  ['x-gzip', unzip],
  ['deflate', (body, options) => (hasZlibHeader(body) ? unzip : inflateRaw)(body, options)],
  ['br', brotli],
]);

export type ContentFailure = { readonly reason: 'too-large' | 'bad-encoding'; readonly cause: unknown };

/** More than one is rare, but a header could list thousands, each of which costs up to `maxBytes` of work. */
const MAX_CODINGS = 4;

/** Decodes a body by its Content-Encoding, the last coding first. It may have at most `maxBytes` after each of them. */
export async function decodeContent(
  body: Buffer,
  contentEncoding: string,
  maxBytes: number,
): Promise<Buffer | ContentFailure> {
  const codings = contentEncoding
    .split(',')
    .map((token) => token.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length > MAX_CODINGS) {
    return { reason: 'bad-encoding', cause: new Error(`there are ${codings.length} content codings`) };
  }
  let decoded = body;
  for (const coding of codings.toReversed()) {
    if (decoded.length === 0) break;
    const decoder = DECODERS.get(coding);
    if (decoder === undefined) {
      return { reason: 'bad-encoding', cause: new Error(`the content coding ${coding} is unknown`) };
    }
    try {
      decoded = await decoder(decoded, { maxOutputLength: maxBytes });
    } catch (cause) {
      const isTooLarge = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
      return { reason: isTooLarge ? 'too-large' : 'bad-encoding', cause };
    }
  }
  return decoded;
}

/** RFC 1950, 2.2: method 8, and the first two bytes are a multiple of 31. */
function hasZlibHeader(body: Buffer): boolean {
  const [first = 0, second = 0] = body;
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
}
