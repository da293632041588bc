// Imports a CSV file into a gateway on a sandbox without limits, killing the import twice, and counts what is stored.
// node checks/batches/import.mjs [rows=100000]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kill, startDemo, temporaryFolder, until } from '../processes.mjs';

const ROWS = Number(process.argv[2] ?? 100_000);
const KILLS = 2;
const BROKEN_EVERY = 100;

const gateway = await startDemo({
  MARKETO_MAX_CALLS_PER_20S: '10000000',
  MARKETO_DAILY_CALLS: '1000000000',
});
await fetch(`${gateway.sandboxUrl}/_sandbox/limits`, {
  method: 'PUT',
  headers: { 'content-type': 'application/json' },
  body: '{"enabled":false}',
});

const isBroken = (row) => row % BROKEN_EVERY === 7;
const file = join(temporaryFolder(), 'people.csv');
const lines = Array.from({ length: ROWS }, (_, row) =>
  isBroken(row)
    ? `broken.example.com;x;${row}\n`
    : `p${row}@example.com;"Jürgen ""J""; of\nrow ${row}";${row}\n`,
);
writeFileSync(file, `\uFEFFE-Mail;FirstName;LeadScore\n${lines.join('')}`);

function start() {
  const args = ['dist/main.js', 'import', file, '--url', gateway.url, '--map', 'E-Mail=email'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  child.text = '';
  child.stdout.on('data', (chunk) => {
    child.text += chunk;
  });
  return child;
}

const stateFile = `${file}.import-state.json`;
const settled = () => (existsSync(stateFile) ? JSON.parse(readFileSync(stateFile, 'utf8')).rows : 0);
for (let kills = 1; kills <= KILLS; kills += 1) {
  const child = start();
  await until(() => settled() >= (kills * ROWS) / (KILLS + 1), 'progress', 300_000);
  await kill(child);
  console.log(`killed after ${settled()} rows`);
}
const from = settled();
const began = performance.now();
const child = start();
const [code] = await once(child, 'close');
const seconds = (performance.now() - began) / 1000;
console.log(child.text.trim());
console.log(`${ROWS - from} rows in ${seconds.toFixed(1)} s, ${Math.round((ROWS - from) / seconds)}/s`);

const broken = lines.filter((_, row) => isBroken(row)).length;
const failed = readFileSync(file.replace('.csv', '.failed.csv'), 'utf8').trimEnd().split('\n').length - 1;
const { total } = await (await fetch(`${gateway.sandboxUrl}/_sandbox/leads?limit=1`)).json();
console.log(`${failed} rows failed of ${broken} broken ones; the sandbox has ${total} leads`);
const isWhole = child.text.startsWith(`${ROWS} rows: ${ROWS - broken} stored, ${broken} failed`);
process.exit(code === 1 && isWhole && failed === broken && total === ROWS - broken ? 0 : 1);
