import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { CommandFailure, EXIT_CONFIG } from '../command.ts';
import { chunksOf } from '../lines.ts';
import { csvLine, delimiterOf, FAILED_COLUMNS, leadOf, planColumns } from './columns.ts';
import { keysOf, type Row, type Source } from './row.ts';

const MAX_TOLD = 10;
/** More of a record is a quote that was never closed. */
const MAX_RECORD_BYTES = 4 * 1024 * 1024;

/**
 * Opens a CSV file in UTF-8 and reads it once, so that nothing is sent of a file that is broken further down.
 *
 * @throws {CommandFailure} 78 for another encoding, a broken quote, a wrong number of columns or a header without keys;
 *   1 if it cannot be read
 */
export async function openCsv(file: string, map: ReadonlyMap<string, string>): Promise<Source> {
  const { hash, start } = await readThrough(file);
  const delimiter = delimiterOf(start);
  let header: readonly string[] | undefined;
  let total = 0;
  const mistakes: string[] = [];
  for await (const { cells, row } of recordsOf(file, delimiter)) {
    if (header === undefined) {
      header = cells;
      continue;
    }
    total += 1;
    const mistake = mistakeIn(cells, header);
    if (mistake !== undefined && mistakes.length < MAX_TOLD) mistakes.push(`row ${row} ${mistake}`);
  }
  if (header === undefined) throw refused(file, ['it is empty; its first row must name the columns']);
  const columns = planColumns(header, map);
  if (!columns.ok) throw refused(file, columns.mistakes);
  if (mistakes.length > 0) throw refused(file, mistakes);
  const { targets } = columns;
  const kept = header.map((name) => !FAILED_COLUMNS.includes(name.trim()));
  const original = (cells: readonly string[]) => cells.filter((_, at) => kept[at]);

  async function* rows(): AsyncGenerator<Row> {
    let isHeader = true;
    for await (const { cells, row } of recordsOf(file, delimiter)) {
      if (!isHeader) {
        const lead = leadOf(cells, targets);
        yield { row, body: JSON.stringify(lead), keys: keysOf(lead), source: cells };
      }
      isHeader = false;
    }
  }
  return {
    rows,
    total,
    hash,
    // Without the mark of its source, Excel on Windows takes the file for one in the code page of the machine.
    failedHeader:
      (start.startsWith(MARK) ? MARK : '') + csvLine([...FAILED_COLUMNS, ...original(header)], delimiter),
    failedLine: ({ row: { row, source }, problem, detail }) =>
      csvLine([String(row), problem, detail, ...original(source as readonly string[])], delimiter),
  };
}

/** What is wrong with the cells of a row. */
function mistakeIn(cells: readonly string[], header: readonly string[]): string | undefined {
  if (cells.length !== header.length) return `has ${cells.length} cells, the header has ${header.length}`;
  const at = cells.findIndex((cell, column) => cell.trim() !== '' && header[column]?.trim() === '');
  return at === -1 ? undefined : `has a cell in column ${at + 1}, which has no name in the header`;
}

/** The failure of a command that sends nothing of a file. */
export function refused(file: string, mistakes: readonly string[]): CommandFailure {
  return new CommandFailure(EXIT_CONFIG, [
    `${file} cannot be imported, and nothing of it was sent:`,
    ...mistakes.map((mistake) => `  ${mistake}`),
  ]);
}

/** The byte order mark. */
const MARK = '\uFEFF';
const START_CHARACTERS = 65_536;

/** Its hash, and the text it starts with, the mark included. @throws {CommandFailure} 78 if it is not in UTF-8 */
async function readThrough(file: string): Promise<{ readonly hash: string; readonly start: string }> {
  const hash = createHash('sha256');
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let start = '';
  let line = 1;
  const decode = (chunk?: Buffer) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      const mistake = `it is not in UTF-8, from about line ${line} on; save it as "CSV UTF-8"`;
      throw refused(file, [mistake]);
    }
  };
  for await (const chunk of chunksOf(file)) {
    hash.update(chunk);
    const text = decode(chunk);
    if (start.length < START_CHARACTERS) start += text.slice(0, START_CHARACTERS);
    line += text.split('\n').length - 1;
  }
  decode();
  if (start.includes('\0')) throw refused(file, ['it is not text in UTF-8; save it as "CSV UTF-8"']);
  return { hash: hash.digest('hex'), start };
}

/** Every record that is not blank, with its number, counted from 1. Blank ones count. */
async function* recordsOf(
  file: string,
  delimiter: string,
): AsyncGenerator<{ readonly cells: readonly string[]; readonly row: number }> {
  const { parse, CsvError } = await import('csv-parse');
  const parser = parse({
    bom: true,
    delimiter,
    relax_column_count: true,
    max_record_size: MAX_RECORD_BYTES,
  });
  const input = Readable.from(chunksOf(file));
  input.on('error', (error) => parser.destroy(error));
  input.pipe(parser);
  let row = 0;
  try {
    for await (const record of parser) {
      row += 1;
      const cells = record as readonly string[];
      if (cells.some((cell) => cell.trim() !== '')) yield { cells, row };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw refused(file, [`row ${row + 1}: ${describe(error.code)} (line ${String(error['lines'])})`]);
  } finally {
    input.destroy();
  }
}

function describe(code: string): string {
  switch (code) {
    case 'CSV_QUOTE_NOT_CLOSED':
    case 'CSV_MAX_RECORD_SIZE':
      return 'a quote is not closed';
    case 'INVALID_OPENING_QUOTE':
      return 'a quote stands within a cell; put the cell in quotes and double those in it';
    case 'CSV_INVALID_CLOSING_QUOTE':
      return 'text follows the quote that closes a cell; double quotes within cells';
    default:
      return `it is not CSV (${code})`;
  }
}
