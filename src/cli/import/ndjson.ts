import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { MAX_BODY_BYTES } from '../../http/request-body.ts';
import { chunksOf, linesOf } from '../lines.ts';
import { refused } from './csv.ts';
import { keysOf, type Row, type Source } from './row.ts';

/**
 * Opens a file with the body of a `PUT /leads` on each line. A line that is not JSON is sent as it is: the gateway says
 * what is wrong with it.
 *
 * @throws {CommandFailure} 78 if it is not in UTF-8 or a line is longer than a body may be; 1 if it cannot be read
 */
export async function openNdjson(file: string): Promise<Source> {
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(file)) hash.update(chunk);
  let total = 0;
  for await (const { line, bytes } of linesOf(file, MAX_BODY_BYTES)) {
    total += 1;
    if (!isUtf8(bytes)) throw refused(file, [`line ${line} is not in UTF-8`]);
    if (bytes.length > MAX_BODY_BYTES)
      throw refused(file, [`line ${line} has more than ${MAX_BODY_BYTES} bytes`]);
  }
  async function* rows(): AsyncGenerator<Row> {
    for await (const { line, bytes } of linesOf(file, MAX_BODY_BYTES)) {
      const body = bytes
        .toString('utf8')
        .replace(/^\uFEFF/, '')
        .trim();
      yield { row: line, body, keys: keysOf(parsed(body)), source: body };
    }
  }
  return {
    rows,
    total,
    hash: hash.digest('hex'),
    failedHeader: '',
    failedLine: ({ row: { row, body }, problem, detail }) =>
      `${JSON.stringify({ row, problem, detail, lead: leadOrText(body) })}\n`,
  };
}

function parsed(body: string): Readonly<Record<string, unknown>> {
  const lead = leadOrText(body);
  return typeof lead === 'object' && lead !== null ? (lead as Record<string, unknown>) : {};
}

function leadOrText(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return body;
  }
}
