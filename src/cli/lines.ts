import { createReadStream } from 'node:fs';
import { describeFileError } from '../text/text-file.ts';
import { CommandFailure } from './command.ts';

const LINE_FEED = 0x0a;

/** The lines of a file that are not blank, counted from 1. Little more of a line is kept than `maxBytes`. */
export async function* linesOf(
  file: string,
  maxBytes: number,
): AsyncGenerator<{ readonly line: number; readonly bytes: Buffer }> {
  let line = 1;
  let parts: Buffer[] = [];
  let size = 0;
  const keep = (part: Buffer) => {
    if (size <= maxBytes) parts.push(part);
    size += part.length;
  };
  const take = () => {
    const bytes = Buffer.concat(parts);
    parts = [];
    size = 0;
    return { line: line++, bytes };
  };
  for await (const chunk of chunksOf(file)) {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at !== -1; at = chunk.indexOf(LINE_FEED, from)) {
      keep(chunk.subarray(from, at));
      const taken = take();
      if (!isBlank(taken.bytes)) yield taken;
      from = at + 1;
    }
    keep(chunk.subarray(from));
  }
  const last = take();
  if (!isBlank(last.bytes)) yield last;
}

/** @throws {CommandFailure} 1 if the file cannot be read */
export async function* chunksOf(file: string): AsyncGenerator<Buffer> {
  const stream = createReadStream(file) as AsyncIterable<Buffer>;
  try {
    yield* stream;
  } catch (error) {
    throw new CommandFailure(1, [`${file} ${describeFileError(error)}.`]);
  }
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
