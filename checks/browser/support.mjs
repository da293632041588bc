// A browser and the gateway as it is delivered (dist), with keys, for the walks in this folder.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { hashKey, writeKey } from '../../dist/access/api-key.js';
import { startDemo, temporaryFolder } from '../processes.mjs';

export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const CHROMIUM = '/usr/bin/chromium';

/** Runs a walk in Chromium, which is closed whatever comes of it. */
export async function withBrowser(executablePath, walk, flags = []) {
  const args = [...CHROMIUM_FLAGS, ...flags];
  const browser = await chromium.launch({
    executablePath: executablePath ?? CHROMIUM,
    headless: true,
    args,
  });
  try {
    await walk(browser);
  } finally {
    await browser.close();
  }
}

/** What goes wrong on a page from now on, in words. */
export function complaintsOf(page, complaints = []) {
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`page: ${error.message}`));
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText;
    // A page that is left at once stops loading its icon.
    if (reason === 'net::ERR_ABORTED' && request.url().includes('favicon')) return;
    complaints.push(`request failed: ${request.url()} ${reason}`);
  });
  return complaints;
}

/** How often a page has been loaded from now on. */
export function countLoads(page) {
  const loads = { count: 0 };
  page.on('load', () => {
    loads.count += 1;
  });
  return loads;
}

/** A key of a kind, and its entry in a file of keys. */
export function newKey(kind, more) {
  const key = writeKey(kind, randomBytes(32));
  return { key, entry: { hash: hashKey(key), kind, ...more } };
}

/** The gateway with its sandbox, and with a file of keys if there are entries for it. */
export function startWithKeys(entries, env = {}) {
  const file = join(temporaryFolder(), 'keys.json');
  writeFileSync(file, JSON.stringify({ keys: entries }), { mode: 0o600 });
  return startDemo({ API_KEYS_FILE: file, ...env });
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
