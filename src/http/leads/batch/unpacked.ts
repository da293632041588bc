import type { Readable } from 'node:stream';
import type { Request } from 'express';
import { GatewayError } from '../../../leads/errors.ts';
import { openBody, undecodable } from '../../request-body.ts';

/**
 * What a compressed stream may hold at first, and for each byte that was sent. A million broken lines fit in 2 KB, and take half
 * a minute; a million leads that differ in nothing but a number take 0.7 bytes each, and a long text they share up to 1,200
 * times as many as are sent.
 */
const FIRST_BYTES = 1_048_576;
const BYTES_PER_BYTE = 2048;
const FIRST_LINES = 10_000;
const LINES_PER_BYTE = 2;

export type Unpacked = {
  readonly body: Readable;
  /** Frees what unpacks it. */
  close(): void;
};

/**
 * Reads a stream of lines, unpacked as its Content-Encoding says; it is paused after each chunk.
 *
 * @param fail called once if it cannot be unpacked, or holds more than leads that differ could; nothing follows
 * @throws {GatewayError} unsupported-media-type
 */
export function readUnpacked(
  req: Request,
  onChunk: (chunk: Buffer) => void,
  onEnd: () => void,
  fail: (error: GatewayError) => void,
): Unpacked {
  const { body, sentBytes } = openBody(req);
  const isWithin = sentBytes === undefined ? () => true : createDensityLimit(sentBytes);
  let hasFailed = false;
  const failOnce = (error: GatewayError) => {
    if (hasFailed) return;
    hasFailed = true;
    fail(error);
  };
  body.on('data', (chunk: Buffer) => {
    body.pause();
    if (!hasFailed && !isWithin(chunk)) failOnce(tooDense());
    if (!hasFailed) onChunk(chunk);
  });
  body.once('end', onEnd);
  if (sentBytes !== undefined) body.once('error', () => failOnce(undecodable()));
  return {
    body,
    close() {
      if (sentBytes !== undefined) body.destroy();
    },
  };
}

/** @param sentBytes how many bytes have been unpacked so far */
function createDensityLimit(sentBytes: () => number): (chunk: Buffer) => boolean {
  let bytes = 0;
  let lines = 0;
  return (chunk) => {
    bytes += chunk.length;
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, at + 1)) lines += 1;
    const sent = sentBytes();
    return bytes <= FIRST_BYTES + sent * BYTES_PER_BYTE && lines <= FIRST_LINES + sent * LINES_PER_BYTE;
  };
}

const LF = 0x0a;

function tooDense(): GatewayError {
  return new GatewayError('body-too-large', {
    detail: `The stream is compressed further than leads can be: it may hold ${FIRST_LINES} lines and 1 MiB, and ${LINES_PER_BYTE} lines and ${BYTES_PER_BYTE} bytes more for each byte that is sent. Nothing from here on was taken in; send it without Content-Encoding.`,
  });
}
