import { createHash } from 'node:crypto';
import { systemClock } from '../../runtime/clock.ts';
import { announce, defineCommand, misused, print } from '../command.ts';
import { ALLOW_INSECURE, gatewayKey, gatewayUrl, KEY_VARIABLE } from '../gateway-address.ts';
import { readMap } from './columns.ts';
import { createDisplay, duration } from './display.ts';
import { dryRun } from './dry-run.ts';
import type { Row, Source } from './row.ts';
import { BATCH_ROWS, createSender } from './run.ts';
import { connectGateway, type Gateway } from './send.ts';
import { openProgress } from './state.ts';
import { counted } from '../../text/counted.ts';

/** `lead-gateway import`: exits with 1 if a row failed (docs/import.md). */
export const importLeads = defineCommand({
  name: 'import',
  summary: 'send the leads of a CSV or NDJSON file to a gateway, and go on where it was stopped',
  argument: 'FILE',
  options: {
    url: {
      type: 'string',
      value: 'URL',
      help: 'where the gateway is, such as https://leads.example.com; required',
    },
    'key-file': {
      type: 'string',
      value: 'FILE',
      help: `a file with the secret key; without it ${KEY_VARIABLE} has it`,
    },
    map: {
      type: 'string',
      multiple: true,
      value: 'A=B,C=D',
      help: 'column A goes to member or attribute B; --map "A=" leaves A out',
    },
    'dry-run': {
      type: 'boolean',
      help: 'say what would be refused and which values may not fit; store nothing, write no file',
    },
    restart: { type: 'boolean', help: 'begin with the first row, whatever an earlier run did' },
    ...ALLOW_INSECURE,
  },
  notes: `FILE is in UTF-8. FILE.csv has the names of members and attributes in its first row; commas, semicolons or tabs
between the cells; empty cells are left out. FILE.ndjson has the body of a PUT /leads on each line.
Rows that fail go to FILE.failed.csv or FILE.failed.ndjson. After a stop or a kill the same command goes on.
Exits with 1 if a row failed, or in a dry run would be refused: values that may not fit are only told, since Marketo decides.
`,
  run: async (own, values, file) => {
    if (values.url === undefined)
      throw misused('import', '--url is required: --url https://leads.example.com');
    const url = gatewayUrl('import', values.url, values['allow-insecure']);
    const map = readMap(values.map);
    if (map === undefined) throw misused('import', '--map takes pairs: --map "E-Mail=email,First=FirstName"');
    const key = gatewayKey(own, values['key-file']);
    const source = await open(file, map);
    const gateway = connectGateway(url, key);
    try {
      if (values['dry-run']) return await dryRun(source, gateway, systemClock);
      const mapped = JSON.stringify([source.hash, url.href, ...map]);
      const fingerprint = createHash('sha256').update(mapped).digest('hex');
      return await importRows(file, source, gateway, fingerprint, values.restart);
    } finally {
      gateway.close();
    }
  },
});

async function open(file: string, map: ReadonlyMap<string, string>): Promise<Source> {
  if (/\.(?:csv|tsv|txt)$/i.test(file)) return (await import('./csv.ts')).openCsv(file, map);
  if (!/\.(?:ndjson|jsonl)$/i.test(file)) throw misused('import', `${file} must end with .csv or .ndjson.`);
  if (map.size > 0) throw misused('import', '--map is for CSV.');
  return (await import('./ndjson.ts')).openNdjson(file);
}

async function importRows(
  file: string,
  source: Source,
  gateway: Gateway,
  fingerprint: string,
  mayRestart: boolean,
): Promise<number> {
  const progress = openProgress(file, fingerprint, source, mayRestart);
  const skipped = progress.state().rows;
  const display = createDisplay(process.stderr, systemClock, source.total, skipped);
  if (skipped > 0) display.say(`Going on after ${skipped} of ${counted(source.total, 'row')}.`);
  const send = createSender({
    gateway,
    clock: systemClock,
    onPause: (why, ms) => display.say(`${why} Again in ${duration(ms)}.`),
  });
  try {
    for await (const rows of batchesOf(source.rows(), skipped)) {
      progress.settle(rows.length, await send(rows));
      display.update(progress.state().rows, progress.state().failed);
    }
  } finally {
    display.end();
  }
  progress.finish();
  const { rows, stored, failed } = progress.state();
  print(`${counted(rows, 'row')}: ${stored} stored, ${failed} failed\n`);
  if (failed > 0) announce([`The rows that failed are in ${progress.failedFile}.`]);
  return failed > 0 ? 1 : 0;
}

async function* batchesOf(rows: AsyncIterable<Row>, skipped: number): AsyncGenerator<readonly Row[]> {
  let batch: Row[] = [];
  let seen = 0;
  for await (const row of rows) {
    seen += 1;
    if (seen <= skipped) continue;
    batch.push(row);
    if (batch.length < BATCH_ROWS) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
