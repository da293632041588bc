// The unit for systemd: it is valid, and exposes little.
//
//   node checks/deploy/systemd.mjs
//
// Needs systemd-analyze of systemd 250 or newer; no running systemd.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../processes.mjs';

/** Of 10; what systemd calls "OK" begins at 4.9. */
const MOST_EXPOSURE = 2;
const UNIT = 'deploy/systemd/lead-gateway.service';

const analyze = (...args) => {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  return { status, text: stdout + stderr };
};

// Verified where the program is there: what is started must exist.
const folder = temporaryFolder();
const here = join(folder, 'lead-gateway.service');
copyFileSync(UNIT, here);
writeFileSync(
  here,
  readFileSync(here, 'utf8').replace(/^ExecStart=node \S+/m, `ExecStart=${process.execPath} dist/main.js`),
);
const { status, text } = analyze('verify', here);
assert.equal(status, 0, text);
assert.doesNotMatch(text, /lead-gateway\.service/, text);

const security = analyze('security', '--offline=yes', UNIT);
const exposure = Number(/exposure level for lead-gateway\.service: ([\d.]+)/.exec(security.text)?.[1]);
assert.ok(exposure <= MOST_EXPOSURE, `the exposure is ${exposure}: ${security.text}`);
process.stdout.write(`the unit is valid; its exposure is ${exposure} of 10\n`);
