// A walk through the status page in a real browser, with the gateway as it is delivered (dist):
//   node checks/browser/status-page.mjs [path of chromium] [picture.png]
// Ends with exit code 1 and what went wrong.
import assert from 'node:assert/strict';
import { complaintsOf, countLoads, newKey, startWithKeys, withBrowser } from './support.mjs';

const [executablePath, picture] = process.argv.slice(2);

const rights = { workspaces: ['*'], attributes: ['*'], byId: true, byForeignId: true };
const operator = newKey('secret', { name: 'operator', metrics: true, ...rights });
const writer = newKey('secret', { name: 'crm', ...rights });
const gateway = await startWithKeys([operator.entry, writer.entry]);

async function putLead(lead, requestId) {
  const response = await fetch(`${gateway.url}/leads`, {
    method: 'PUT',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${writer.key}`,
      'x-request-id': requestId,
    },
    body: JSON.stringify(lead),
  });
  return response.status;
}

/** A refusal of the key is told by the browser as well as by the page. */
const isExpected = (complaint) => /console: Failed to load resource: .* 40[13] /.test(complaint);

async function walk(browser) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1100 } });
  const complaints = complaintsOf(page);
  const loads = countLoads(page);
  page.setDefaultTimeout(8000);

  // Without a key it asks for one; one without the permission is refused with the reason.
  await page.goto(`${gateway.url}/status`);
  await page.getByText('This gateway needs a key.').waitFor();
  const enter = async (key) => {
    await page.getByLabel('Key with the permission metrics').fill(key);
    await page.keyboard.press('Enter');
  };
  await enter(writer.key);
  await page.getByRole('alert').getByText('metrics').waitFor();
  assert.equal(await page.getByRole('heading', { name: 'Keys' }).count(), 0);
  await enter(operator.key);
  await page.getByText('Live: this page updates by itself.').waitFor();
  await page.locator('#state', { hasText: 'ready' }).waitFor();

  // A lead and a refusal show up without a reload.
  assert.equal(await putLead({ email: 'ann@example.com' }, 'good-one'), 201);
  assert.equal(await putLead({ email: 'ann@example.com', attributes: { Nonsense: 'x' } }, 'bad-one'), 422);
  await page.getByRole('cell', { name: 'bad-one' }).waitFor();
  await page.getByRole('link', { name: 'unknown-attribute' }).waitFor();
  const row = page.locator('#keys tr', { hasText: 'crm' });
  await row.locator('time').waitFor();
  assert.match(await row.textContent(), /secret.*active/);
  await page.locator('#parts', { hasText: 'accepted' }).waitFor();
  assert.equal(await page.getByText('ann@example.com').count(), 0);

  // The filter narrows the problems down; focus and text stay while the page updates.
  await page.getByLabel('Show those that contain').fill('good-one');
  await page.getByText('None that contains this.').waitFor();
  await page.getByLabel('Show those that contain').fill('crm');
  await page.getByRole('cell', { name: 'bad-one' }).waitFor();
  await putLead({ email: 'ann@example.com', attributes: { Other: 'x' } }, 'next-one');
  await page.getByRole('cell', { name: 'next-one' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'filter');

  if (picture !== undefined) await page.screenshot({ path: picture, fullPage: true });

  // The key outlives a reload of the tab, and no other tab has it.
  await page.reload();
  await page.getByText('Live: this page updates by itself.').waitFor();
  const other = await browser.newPage();
  await other.goto(`${gateway.url}/status`);
  await other.getByText('This gateway needs a key.').waitFor();

  const nameless = await page
    .locator('button:visible, input:visible, a:visible, meter:visible')
    .evaluateAll((controls) =>
      controls.filter((one) => !one.textContent.trim() && !one.labels?.length).map((one) => one.outerHTML),
    );
  assert.deepEqual(nameless, []);
  assert.equal(loads.count, 2, 'the page was loaded once, and reloaded once');
  assert.deepEqual(
    complaints.filter((complaint) => !isExpected(complaint)),
    [],
  );
}

try {
  await withBrowser(executablePath, walk);
  process.stdout.write('the page does what it should\n');
} finally {
  await gateway.stop();
}
