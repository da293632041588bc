import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { control, putLead, startGateway, startSandbox, temporaryFolder } from '../../processes.mjs';

const LEADS = 600;

/** The log goes where nothing can be written, and to a disk that fills up and is emptied again. */
export async function fullDisk() {
  const sandbox = await startSandbox();
  await control(sandbox.url, '/limits', { enabled: false });
  const full = openSync('/dev/full', 'w');
  const speechless = await startGateway(sandbox.env, full);
  closeSync(full);
  assert.equal((await putLead(speechless.url, 'full@example.com')).status, 201);
  assert.equal((await putLead(speechless.url, 'full2@example.com')).status, 201);
  assert.equal(await speechless.stop(), 0);

  const disk = temporaryFolder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
  const path = join(disk, 'gateway.log');
  const log = openSync(path, 'a');
  const gateway = await startGateway(
    { ...sandbox.env, MARKETO_MAX_CALLS_PER_20S: '1000000', MARKETO_DAILY_CALLS: '1000000' },
    log,
  );
  closeSync(log);
  const requests = await send(gateway, 0);
  const { size } = statSync(path);
  assert.ok(size > 60_000 && size <= 65_536, `the log has ${size} bytes`);
  truncateSync(path);
  await send(gateway, LEADS, 20);
  assert.equal(await gateway.stop(), 0);
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  // The first may be the rest of the one that did not fit.
  const whole = lines.slice(1).map((line) => JSON.parse(line));
  assert.ok(whole.filter(({ msg }) => msg === 'request answered').length >= 19, lines.join('\n'));
  execFileSync('umount', ['-l', disk]);
  return { answeredWhileFull: requests, linesWhenThereIsRoom: lines.length };
}

async function send(gateway, from, count = LEADS) {
  for (let index = from; index < from + count; index += 1) {
    const { status } = await putLead(gateway.url, `disk${index % 50}@example.com`);
    assert.ok(status === 200 || status === 201 || status === 429, `${status} for lead ${index}`);
  }
  return count;
}
