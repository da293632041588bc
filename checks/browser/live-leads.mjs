// A lead put to the gateway shows up on the sandbox's page without a reload, in a real browser:
//   node checks/browser/live-leads.mjs <folder with node_modules/playwright-core> [path of chromium]
// Ends with exit code 1 and what went wrong.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [toolsFolder, executablePath = '/usr/bin/chromium'] = process.argv.slice(2);
assert.ok(toolsFolder, 'the first argument is a folder with node_modules/playwright-core');
const { chromium } = createRequire(join(resolve(toolsFolder), 'package.json'))('playwright-core');

const gateway = spawn(process.execPath, ['dist/main.js', 'serve'], {
  env: { PATH: process.env.PATH, PORT: '0', SANDBOX_PORT: '0', LOG_LEVEL: 'silent' },
  stdio: ['ignore', 'ignore', 'pipe'],
});
let said = '';
const urls = await new Promise((done, fail) => {
  gateway.stderr.setEncoding('utf8').on('data', (chunk) => {
    said += chunk;
    const url = /listens on (http:\S+)/.exec(said)?.[1];
    const page = /(http:\S+\/_sandbox)/.exec(said)?.[1];
    if (url && page) done({ url, page });
  });
  gateway.on('exit', () => fail(new Error(`the gateway stopped by itself: ${said}`)));
});

const browser = await chromium.launch({
  executablePath,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-sync',
  ],
});
const complaints = [];
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(5000);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`page: ${error.message}`));
  let loads = 0;
  page.on('load', () => {
    loads += 1;
  });
  await page.goto(urls.page);
  const answer = await fetch(`${urls.url}/leads`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'live@example.com', attributes: { FirstName: 'Live' } }),
  });
  assert.equal(answer.status, 201);
  await page.getByText('live@example.com').first().waitFor();
  assert.equal(loads, 1, 'the page was loaded again');
  assert.deepEqual(complaints, []);
  console.log('a lead put to the gateway shows up without a reload');
} finally {
  await browser.close();
  gateway.removeAllListeners('exit');
  gateway.kill('SIGTERM');
}
