// A walk through the documentation in a real browser, with the gateway as it is delivered (dist) and its sandbox:
//   node checks/browser/docs.mjs [path of chromium]
// Ends with exit code 1 at the first thing that is not as it should be.
import assert from 'node:assert/strict';
import { createServer, request as ask } from 'node:http';
import { startDemo } from '../processes.mjs';
import { complaintsOf, newKey, openDocs, startWithKeys, withBrowser } from './support.mjs';

const [executablePath] = process.argv.slice(2);

const DESK = { width: 1280, height: 720 };
const PHONE = { width: 390, height: 844 };
/** The most an opened operation may take, in pixels. */
const MAX_HEIGHT = 4000;
const LANGUAGES = ['curl', 'JavaScript', 'Python', 'PHP', 'C#', 'PowerShell'];

/** Opens a page that reports whatever goes wrong on it, and every host it talks to. */
async function openPage(browser, complaints, hosts, viewport = DESK) {
  const page = await browser.newPage({ viewport });
  complaintsOf(page, complaints);
  page.on('request', (request) => {
    if (/^https?:/.test(request.url())) hosts.add(new URL(request.url()).host);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
  });
  return page;
}

/** Sends what stands in the editor and returns the status the page shows. */
async function execute(page) {
  const operation = page.locator('.opblock.is-open');
  const [response] = await Promise.all([
    page.waitForResponse((candidate) => candidate.request().method() === 'PUT'),
    operation.getByRole('button', { name: 'Execute' }).click(),
  ]);
  const row = operation.locator('.live-responses-table tr.response');
  await row.locator('.response-col_status', { hasText: String(response.status()) }).waitFor();
  assert.match(await row.innerText(), /"leadId"/, 'the page shows the body of the answer');
  return response.status();
}

async function walk(browser, { url }) {
  const complaints = [];
  const hosts = new Set();

  const page = await openPage(browser, complaints, hosts);
  const home = await page.goto(url);
  assert.equal(home.status(), 200);
  assert.equal(page.url(), `${url}/docs`, 'the root redirects to the documentation');
  await page.locator('.opblock.is-open').waitFor();
  const { paths } = await (await fetch(`${url}/openapi.json`)).json();
  const operations = Object.values(paths).flatMap((item) => Object.keys(item));
  assert.equal(await page.locator('.opblock').count(), operations.length, 'every operation is shown');
  assert.ok((await page.locator('.notice').innerText()).includes('sandbox'));

  assert.equal(await execute(page), 201, 'the example creates a lead');
  assert.equal(await execute(page), 200, 'the example sent again updates it');

  const problem = await openPage(browser, complaints, hosts);
  const explained = await problem.goto(`${url}/problems/validation-failed`);
  assert.equal(explained.status(), 200);
  assert.equal(await problem.locator('h1').innerText(), 'The lead is not valid');
  assert.equal(await problem.locator('html').getAttribute('lang'), 'en');
  await problem.getByRole('link', { name: 'All operations' }).click();
  await problem.locator('.opblock').first().waitFor();

  const named = await openPage(browser, complaints, hosts);
  await named.goto(`${url}/docs#/operation/getHealth`);
  await named.locator('#operations-operation-getHealth.is-open').waitFor();
  assert.equal(await named.locator('.opblock.is-open').count(), 1, 'an address opens what it names, alone');

  assert.deepEqual(complaints, [], 'nothing goes wrong on the way');
  assert.deepEqual([...hosts], [new URL(url).host], 'no other host is asked for anything');
}

/** What stands where when the page has been opened and nothing touched. */
async function measure(browser, { url }, viewport) {
  const page = await browser.newPage({ viewport });
  await openDocs(page, url);
  await page.locator('.code-sample').waitFor();
  const operation = page.locator('.opblock.is-open');
  assert.equal(await operation.locator('.opblock-summary-path').innerText(), '/leads');
  const editor = operation.locator('textarea');
  assert.ok(await editor.isEditable(), 'the form can be filled in at once');
  assert.ok('email' in JSON.parse(await editor.inputValue()), 'with a lead in it');

  const box = async (locator) => locator.boundingBox();
  const { y, height } = await box(editor);
  assert.ok(y + height < viewport.height, `the form of the lead ends at ${y + height}`);
  const button = await box(operation.getByRole('button', { name: 'Execute' }));
  assert.ok(button.y + button.height < viewport.height, `the button that sends it ends at ${button.y}`);
  const whole = (await box(operation)).height;
  assert.ok(whole < MAX_HEIGHT, `the opened operation is ${whole} pixels high`);

  const order = await operation
    .locator('textarea, .more-parameters, .execute, .code-sample, .opblock-description')
    .evaluateAll((elements) => elements.map(({ className }) => className.split(' ')[0]));
  assert.deepEqual(order, [
    'body-param__text',
    'more-parameters',
    'btn',
    'code-sample',
    'opblock-description',
  ]);
  for (const folded of ['.more-parameters', '.answer-headers', '.about']) {
    assert.equal(await page.locator(`${folded}[open]`).count(), 0, `${folded} is folded`);
  }
  await execute(page);
  const after = (await box(operation)).height;
  assert.ok(after < MAX_HEIGHT, `with an answer it is ${after} pixels high`);
  const answered = await box(operation.locator('.live-responses-table .response-col_status').last());
  assert.ok(answered.y < viewport.height, 'the answer is in the same screen');
  await page.close();
}

/** The samples show the form as it stands, with the credentials that were entered; keys are reached by the keyboard. */
async function walkSamples(browser, { url, key }) {
  const page = await browser.newPage({ viewport: DESK });
  await openDocs(page, url);
  const samples = page.getByRole('region', { name: 'Code samples' });
  const code = samples.locator('code');
  assert.match(await code.innerText(), /Bearer YOUR_KEY/, 'a placeholder, until there is a key');
  assert.match(await page.locator('.notice').innerText(), /needs a key/);

  await openDocs(page, url, key);
  assert.ok((await code.innerText()).includes(`Authorization: Bearer ${key}`));
  await page.locator('textarea').first().fill('{ "email": "o\'hara@example.com" }');
  assert.match(await code.innerText(), /o'\\''hara@example.com/);
  await page.getByText('Request headers').click();
  await page.getByPlaceholder('Prefer').fill('attributes=list');
  await code.filter({ hasText: "-H 'Prefer: attributes=list'" }).waitFor();

  const tabs = samples.getByRole('tab');
  assert.deepEqual(await tabs.allInnerTexts(), LANGUAGES);
  await tabs.first().focus();
  for (const language of [...LANGUAGES.slice(1), LANGUAGES[0]]) {
    await page.keyboard.press('ArrowRight');
    const selected = samples.getByRole('tab', { selected: true });
    assert.equal(await selected.innerText(), language);
    assert.ok(await selected.evaluate((tab) => tab === document.activeElement));
    assert.match(await code.innerText(), /hara@example\.com/);
  }
  const stored = await page.evaluate(() => localStorage.length + sessionStorage.length);
  assert.equal(stored, 0, 'nothing is stored, least of all a key');

  assert.equal(await execute(page), 201, 'a secret key creates a lead');
  await page.close();
}

/** A proxy that puts the gateway below a prefix. */
async function proxyBelow(prefix, { url }) {
  const { hostname, port } = new URL(url);
  const server = createServer((incoming, outgoing) => {
    if (!incoming.url.startsWith(`${prefix}/`)) {
      outgoing.writeHead(404).end();
      return;
    }
    const path = incoming.url.slice(prefix.length);
    const { method, headers } = incoming;
    const forwarded = ask({ hostname, port, path, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(forwarded);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${server.address().port}${prefix}`, stop: () => server.close() };
}

async function walkBelowPrefix(browser, gateway) {
  const proxy = await proxyBelow('/marketo', gateway);
  const complaints = [];
  const page = await openPage(browser, complaints, new Set());
  await openDocs(page, proxy.url, gateway.key);
  assert.ok((await page.locator('.code-sample').innerText()).includes(`'${proxy.url}/leads'`));
  await page.locator('textarea').first().fill('{ "email": "below@example.com" }');
  assert.equal(await execute(page), 201, 'below a prefix, too');
  assert.deepEqual(complaints, []);
  await page.close();
  proxy.stop();
}

const { key, entry } = newKey('secret', { name: 'back-end', attributes: ['*'], returnLead: true });
const open = await startDemo();
const keyed = { ...(await startWithKeys([entry])), key };
try {
  await withBrowser(executablePath, async (browser) => {
    await walk(browser, open);
    for (const viewport of [DESK, PHONE]) await measure(browser, open, viewport);
    await walkSamples(browser, keyed);
    await walkBelowPrefix(browser, keyed);
  });
  process.stdout.write('The documentation works in a browser.\n');
} finally {
  await open.stop();
  await keyed.stop();
}
