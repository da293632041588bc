// A walk through the documentation in a real browser, with the gateway as it is delivered (dist) and its sandbox:
//   node test/browser/docs.mjs <folder with node_modules/playwright-core> [path of chromium]
// Ends with exit code 1 and a list of what went wrong.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';

const [toolsFolder, executablePath = '/usr/bin/chromium'] = process.argv.slice(2);
assert.ok(toolsFolder, 'the first argument is a folder with node_modules/playwright-core');
const { chromium } = createRequire(join(resolve(toolsFolder), 'package.json'))('playwright-core');

const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function startGateway() {
  const port = await freePort();
  const environment = {
    PATH: process.env.PATH,
    PORT: String(port),
    SANDBOX_PORT: String(await freePort()),
    LOG_LEVEL: 'warn',
  };
  const child = spawn(process.execPath, ['dist/main.js', 'serve'], { env: environment, stdio: 'inherit' });
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    assert.equal(child.exitCode, null, 'the gateway stopped by itself');
    const up = await fetch(`${url}/healthz`).then(
      (response) => response.ok,
      () => false,
    );
    if (up) return { url, stop: () => child.kill('SIGTERM') };
    await new Promise((done) => setTimeout(done, 100));
  }
  child.kill('SIGKILL');
  throw new Error('the gateway did not start within 10 s');
}

/** Opens a page that reports whatever goes wrong on it, and every host it talks to. */
async function openPage(browser, complaints, hosts) {
  const page = await browser.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') {
      complaints.push(`console ${message.type()}: ${message.text()}`);
    }
  });
  page.on('pageerror', (error) => complaints.push(`page error: ${error.message}`));
  page.on('requestfailed', (request) => {
    complaints.push(`request failed: ${request.url()} ${request.failure()?.errorText}`);
  });
  page.on('request', (request) => {
    if (/^https?:/.test(request.url())) hosts.add(new URL(request.url()).host);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
  });
  return page;
}

/** Opens PUT /leads for trying it out. */
async function openOperation(page) {
  const operation = page.locator('#operations-leads-upsertLead');
  await operation.locator('.opblock-summary').click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  return operation;
}

/** Sends what stands in the editor and returns the status the page shows. */
async function execute(page, operation) {
  const [response] = await Promise.all([
    page.waitForResponse((candidate) => candidate.request().method() === 'PUT'),
    operation.getByRole('button', { name: 'Execute' }).click(),
  ]);
  const row = operation.locator('.live-responses-table tr.response');
  await row.locator('.response-col_status', { hasText: String(response.status()) }).waitFor();
  assert.match(await row.innerText(), /"leadId"/, 'the page shows the body of the answer');
  return response.status();
}

async function walk(browser, url) {
  const complaints = [];
  const hosts = new Set();

  const page = await openPage(browser, complaints, hosts);
  const home = await page.goto(url);
  assert.equal(home.status(), 200);
  assert.equal(page.url(), `${url}/docs`, 'the root redirects to the documentation');
  await page.locator('.opblock').first().waitFor();
  assert.equal(await page.locator('.opblock').count(), 11, 'every operation is shown');
  assert.ok((await page.locator('.notice').innerText()).includes('sandbox'));

  const operation = await openOperation(page);
  assert.equal(await execute(page, operation), 201, 'the example creates a lead');
  assert.equal(await execute(page, operation), 200, 'the example sent again updates it');

  const problem = await openPage(browser, complaints, hosts);
  const explained = await problem.goto(`${url}/problems/validation-failed`);
  assert.equal(explained.status(), 200);
  assert.equal(await problem.locator('h1').innerText(), 'The lead is not valid');
  assert.equal(await problem.locator('html').getAttribute('lang'), 'en');
  await problem.getByRole('link', { name: 'All operations' }).click();
  await problem.locator('.opblock').first().waitFor();

  assert.deepEqual(complaints, [], 'nothing goes wrong on the way');
  assert.deepEqual([...hosts], [new URL(url).host], 'no other host is asked for anything');
}

const gateway = await startGateway();
try {
  const browser = await chromium.launch({ executablePath, headless: true, args: CHROMIUM_FLAGS });
  try {
    await walk(browser, gateway.url);
  } finally {
    await browser.close();
  }
  process.stdout.write('The documentation works in a browser.\n');
} finally {
  gateway.stop();
}
