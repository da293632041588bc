// The pages of the gateway and its sandbox, on a desk and on a phone, light and dark: axe-core finds nothing serious, and
// nothing scrolls sideways.
//   node checks/browser/accessibility.mjs [path of chromium] [folder for screenshots]
// Ends with exit code 1 and a list of what was found.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import axe from 'axe-core';
import { startDemo } from '../processes.mjs';
import { withBrowser } from './support.mjs';

const [executablePath, screenshots] = process.argv.slice(2);

const SCREENS = [
  { name: 'desk, light', viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
  { name: 'desk, dark', viewport: { width: 1280, height: 900 }, colorScheme: 'dark' },
  { name: 'phone, light', viewport: { width: 390, height: 844 }, colorScheme: 'light' },
  { name: 'phone, dark', viewport: { width: 390, height: 844 }, colorScheme: 'dark' },
];

/** Operations of both colours opened; one of them tried out, with everything of it unfolded, and its schema. */
async function openDocs(page) {
  await page.locator('nav summary').click();
  const operation = page.locator('.opblock-put').first();
  await operation.waitFor();
  await page.locator('.opblock-get .opblock-summary-control').first().click();
  const folded =
    '.about, .more-parameters, .answer, [data-code="201"] .answer-headers, [data-code="422"] .answer-headers';
  await page.locator(folded).evaluateAll((folds) => {
    for (const fold of folds) fold.open = true;
  });
  await operation.getByRole('tab', { name: 'Schema' }).nth(1).click();
  await operation.getByRole('tab', { name: 'Python' }).click();
  await operation.getByRole('button', { name: 'Execute' }).click();
  await operation.locator('.live-responses-table').waitFor();
  await page.locator('.models-control').click();
  await page.locator('.models .json-schema-2020-12-expand-deep-button').first().click();
  await page.locator('.models .json-schema-2020-12__constraint').first().waitFor();
}

async function openCredentials(page) {
  await page.locator('.auth-wrapper .btn.authorize').click();
  await page.getByRole('dialog').waitFor();
}

const PAGES = [
  { name: 'docs', path: '/docs', ready: '.opblock', steps: [openDocs, openCredentials] },
  { name: 'problem', path: '/problems/upstream-busy', ready: 'h1' },
  { name: 'status', path: '/status', ready: '#problems tr' },
  { name: 'sandbox', path: '/_sandbox', ready: 'h1', isSandbox: true },
];

async function complaintsOf(page) {
  await page.evaluate(axe.source);
  // What fades in has its colours once it is there.
  await page.waitForTimeout(400);
  return page.evaluate(async () => {
    // What a dialog covers was looked at before.
    const { violations } = await globalThis.axe.run(document.querySelector('[role="dialog"]') ?? document);
    const { scrollWidth, clientWidth } = document.documentElement;
    const complaints = violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
    return scrollWidth > clientWidth
      ? [...complaints, `the page is ${scrollWidth} pixels wide on a screen of ${clientWidth}`]
      : complaints;
  });
}

async function look(browser, { url, sandboxUrl }, { name, viewport, colorScheme }) {
  const found = [];
  const context = await browser.newContext({ viewport, colorScheme });
  for (const { name: title, path, ready, steps = [], isSandbox = false } of PAGES) {
    const page = await context.newPage();
    await page.goto((isSandbox ? sandboxUrl : url) + path);
    await page.locator(ready).first().waitFor();
    for (const [state, enter] of [async () => {}, ...steps].entries()) {
      await enter(page);
      const complaints = await complaintsOf(page);
      found.push(...complaints.map((complaint) => `${title} ${state}, ${name}: ${complaint}`));
      if (screenshots !== undefined) {
        const file = `${title}-${state}-${name.replace(', ', '-')}.png`;
        await page.screenshot({ path: join(screenshots, file), fullPage: true });
      }
    }
    await page.close();
  }
  await context.close();
  return found;
}

const gateway = await startDemo();
const person = { email: 'jane@example.com', attributes: { FirstName: 'Jane', LeadScore: 62 } };
for (const lead of [person, { email: 'jane@example.com', attributes: { Nonsense: 1 } }]) {
  await fetch(`${gateway.url}/leads`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(lead),
  });
}
try {
  await withBrowser(executablePath, async (browser) => {
    const found = [];
    for (const screen of SCREENS) found.push(...(await look(browser, gateway, screen)));
    assert.deepEqual(found, []);
  });
  process.stdout.write('16 pages, 4 of them opened and 4 with a dialog, pass the checks of axe.\n');
} finally {
  await gateway.stop();
}
