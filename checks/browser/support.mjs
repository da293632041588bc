// What the programs beside it share: the gateway as it is delivered (dist), with keys, and a browser.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { hashKey, writeKey } from '../../dist/http/access/key-format.js';

const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Runs a walk in a browser, which is closed whatever comes of it. */
export async function withBrowser(toolsFolder, executablePath, walk) {
  assert.ok(toolsFolder, 'the first argument is a folder with node_modules/playwright-core');
  const { chromium } = createRequire(join(resolve(toolsFolder), 'package.json'))('playwright-core');
  const browser = await chromium.launch({ executablePath, headless: true, args: CHROMIUM_FLAGS });
  try {
    await walk(browser);
  } finally {
    await browser.close();
  }
}

/** The gateway with its sandbox; with a secret key when it is asked for. */
export async function startGateway({ withKey = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'lead-gateway-browser-'));
  const key = writeKey('secret', randomBytes(32));
  const keysFile = join(folder, 'keys.json');
  const entry = { name: 'back-end', hash: hashKey(key), kind: 'secret', attributes: ['*'], returnLead: true };
  writeFileSync(keysFile, JSON.stringify({ keys: [entry] }));
  const env = { PATH: process.env.PATH, PORT: '0', SANDBOX_PORT: '0', LOG_LEVEL: 'warn' };
  if (withKey) env.API_KEYS_FILE = keysFile;
  const child = spawn(process.execPath, ['dist/main.js', 'serve'], { env });
  let said = '';
  child.stdout.resume();
  child.stderr.setEncoding('utf8').on('data', (chunk) => (said += chunk));
  for (let attempt = 0; attempt < 100 && !/_sandbox/.test(said); attempt += 1) {
    assert.equal(child.exitCode, null, `the gateway stopped by itself: ${said}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  const [, url] = /listens on (http:[^\s,;)]+)/.exec(said);
  const [, sandbox] = /(http:\S+\/_sandbox)/.exec(said);
  const stop = () => {
    child.kill('SIGTERM');
    rmSync(folder, { recursive: true });
  };
  return { url, sandbox, key, stop };
}

/** Opens the documentation and enters a key under Authorize. */
export async function openDocs(page, url, key) {
  await page.goto(`${url}/docs`);
  await page.locator('.opblock.is-open').waitFor();
  if (key === undefined) return;
  await page.locator('.auth-wrapper .btn.authorize').click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('input').first().fill(key);
  await dialog.getByRole('button', { name: 'Authorize' }).first().click();
  await dialog.getByRole('button', { name: 'Close', exact: true }).first().click();
}
