import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate, inflateRaw } from 'node:zlib';

/** The body cannot be read; `status` is the HTTP answer that says why. */
export class BodyError extends Error {
  override readonly name = 'BodyError';
  readonly status: 400 | 413 | 415;

  constructor(status: 400 | 413 | 415, message: string) {
    super(message);
    this.status = status;
  }
}

const gunzipAsync = promisify(gunzip);
const inflateAsync = promisify(inflate);
const inflateRawAsync = promisify(inflateRaw);

/**
 * The bytes of a request, unpacked; counted while they arrive, packed and unpacked alike.
 * @throws {BodyError} 413 over `maxBytes`, 415 for a coding other than gzip and deflate, 400 for broken packing or
 *   a body that breaks off.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return unpack(await collect(request, maxBytes), request.headers['content-encoding'], maxBytes);
}

function collect(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) {
        request.pause();
        reject(new BodyError(413, `The body is larger than ${maxBytes} bytes.`));
        return;
      }
      chunks.push(chunk);
    });
    request.on('end', () => {
      const [first] = chunks;
      resolve(first && chunks.length === 1 ? first : Buffer.concat(chunks, size));
    });
    const brokenOff = () => reject(new BodyError(400, 'The body broke off.'));
    request.on('error', brokenOff);
    request.on('close', () => {
      if (!request.complete) brokenOff();
    });
  });
}

async function unpack(body: Buffer, coding: string | undefined, maxBytes: number): Promise<Buffer> {
  const options = { maxOutputLength: maxBytes };
  try {
    switch ((coding ?? 'identity').trim().toLowerCase()) {
      case 'identity':
      case '':
        return body;
      case 'gzip':
      case 'x-gzip':
        return await gunzipAsync(body, options);
      case 'deflate':
        // RFC 9110, 8.4.1.2: some clients send the deflate data without the zlib wrapper.
        return await (isZlib(body) ? inflateAsync(body, options) : inflateRawAsync(body, options));
      default:
        throw new BodyError(415, 'The sandbox reads gzip and deflate, and bodies without a content coding.');
    }
  } catch (error) {
    if (error instanceof BodyError) throw error;
    if (error instanceof RangeError) throw new BodyError(413, `The body is larger than ${maxBytes} bytes.`);
    throw new BodyError(400, 'The body is not packed as its Content-Encoding says.');
  }
}

function isZlib(body: Buffer): boolean {
  return body.length >= 2 && (body.readUInt8(0) & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0;
}
