import { isAscii, isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, inflate, inflateRaw } from 'node:zlib';

/**
 * Decodes an XML document by its byte order mark, else its XML declaration, else the charset of the Content-Type, else
 * as UTF-8. The declaration wins over the header, which libxml2 behind the vendor's server never saw.
 * @returns undefined for an encoding that is not supported and for bytes that are not valid in theirs
 */
export function decodeXmlText(bytes: Buffer, contentType: string | undefined): string | undefined {
  if (startsWith(bytes, 0xef, 0xbb, 0xbf)) return utf8(bytes.subarray(3));
  if (startsWith(bytes, 0xff, 0xfe)) return utf16(bytes.subarray(2), 'le');
  if (startsWith(bytes, 0xfe, 0xff)) return utf16(bytes.subarray(2), 'be');
  // XML 1.0, appendix F: without a mark, the zero byte before or after the first "<" shows the byte order.
  if (startsWith(bytes, 0x3c, 0x00)) return utf16(bytes, 'le');
  if (startsWith(bytes, 0x00, 0x3c)) return utf16(bytes, 'be');

  const declared = declaredEncoding(bytes);
  // .NET writes UTF-16 into the declaration of strings that it sends as UTF-8; libxml2 goes by the bytes, too.
  if (declared !== undefined) return decodeAs(isUtf16Name(declared) ? 'utf-8' : declared, bytes);
  return decodeAs(charsetOf(contentType) ?? 'utf-8', bytes);
}

function decodeAs(name: string, bytes: Buffer): string | undefined {
  switch (name.toLowerCase()) {
    case 'utf-8':
    case 'utf8':
      return utf8(bytes);
    case 'iso-8859-1':
    case 'latin1':
    case 'iso_8859-1':
      return bytes.toString('latin1');
    case 'us-ascii':
    case 'ascii':
      return isAscii(bytes) ? bytes.toString('latin1') : undefined;
    default:
      return undefined;
  }
}

function utf8(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

function utf16(bytes: Buffer, order: 'le' | 'be'): string | undefined {
  if (bytes.length % 2 !== 0) return undefined;
  return order === 'le' ? bytes.toString('utf16le') : Buffer.from(bytes).swap16().toString('utf16le');
}

function declaredEncoding(bytes: Buffer): string | undefined {
  if (!startsWith(bytes, 0x3c, 0x3f)) return undefined;
  const head = bytes.subarray(0, 200).toString('latin1');
  return /^<\?xml[^>]*?\sencoding\s*=\s*["']([\w.-]+)["']/.exec(head)?.[1];
}

function charsetOf(contentType: string | undefined): string | undefined {
  return contentType === undefined ? undefined : /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1];
}

function isUtf16Name(name: string): boolean {
  return /^utf-?16/i.test(name);
}

function startsWith(bytes: Buffer, ...head: readonly number[]): boolean {
  return head.every((byte, index) => bytes[index] === byte);
}

/** The body cannot be read; `status` is the HTTP status to answer with. */
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
 * Reads and decompresses a request's body. Bytes are counted as they arrive, and again as they are decompressed.
 * @throws {BodyError} 413 over `maxBytes`, 415 for a coding other than gzip and deflate, 400 for data that cannot be
 *   decompressed or an incomplete body
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return decompress(await collect(request, maxBytes), request.headers['content-encoding'], maxBytes);
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
    const incomplete = () => reject(new BodyError(400, 'The body is incomplete.'));
    request.on('error', incomplete);
    request.on('close', () => {
      if (!request.complete) incomplete();
    });
  });
}

async function decompress(body: Buffer, coding: string | undefined, maxBytes: number): Promise<Buffer> {
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
        // RFC 9110, 8.4.1.2: some clients send deflate data without the zlib wrapper.
        return await (isZlib(body) ? inflateAsync(body, options) : inflateRawAsync(body, options));
      default:
        throw new BodyError(415, 'Content-Encoding must be gzip or deflate, or absent.');
    }
  } catch (error) {
    if (error instanceof BodyError) throw error;
    if (error instanceof RangeError) throw new BodyError(413, `The body is larger than ${maxBytes} bytes.`);
    throw new BodyError(400, 'The body cannot be decompressed as its Content-Encoding says.');
  }
}

function isZlib(body: Buffer): boolean {
  return body.length >= 2 && (body.readUInt8(0) & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0;
}
