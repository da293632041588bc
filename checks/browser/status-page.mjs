// A walk through the status page in a real browser, with the gateway as it is delivered (dist):
//   node checks/browser/status-page.mjs [path of chromium] [picture.png]
// Ends with exit code 1 and what went wrong.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { temporaryFolder } from '../processes.mjs';
import { complaintsOf, countLoads, newKey, startWithKeys, withBrowser } from './support.mjs';

const [executablePath, picture] = process.argv.slice(2);

const rights = { workspaces: ['*'], attributes: ['*'], byId: true, byForeignId: true };
const operator = newKey('secret', { name: 'operator', metrics: true, outbox: true, ...rights });
const writer = newKey('secret', { name: 'crm', ...rights });
const gateway = await startWithKeys([operator.entry, writer.entry], {
  OUTBOX_URL: `file:${join(temporaryFolder(), 'outbox.db')}`,
});

async function putLead(lead, requestId, more = {}) {
  const response = await fetch(`${gateway.url}/leads`, {
    method: 'PUT',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${writer.key}`,
      'x-request-id': requestId,
      ...more,
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

  // Leads that the outbox has given up: opened, tried again, discarded, by keyboard and mouse.
  const later = { prefer: 'respond-async' };
  for (const name of ['bob', 'eve']) {
    const lead = { email: `${name}@example.com`, attributes: { Nonsense: 'x' } };
    assert.equal(await putLead(lead, `later-${name}`, later), 202);
  }
  await page.locator('#failed-groups tr', { hasText: 'unknown-attribute' }).getByText('2').waitFor();
  await page.getByRole('button', { name: 'Show the leads with unknown-attribute' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Failed with unknown-attribute' }).waitFor();
  await page
    .getByRole('button', { name: /^Open lead/ })
    .first()
    .click();
  await page.locator('#failed-lead-body', { hasText: 'bob@example.com' }).waitFor();
  await page.getByRole('button', { name: 'Close' }).click();
  await page
    .getByRole('button', { name: /^Retry lead/ })
    .first()
    .click();
  await page.getByText('The lead is tried again.').waitFor();
  page.on('dialog', (dialog) => void dialog.accept());
  await page.locator('#failed-leads tr').nth(1).waitFor();
  await page
    .getByRole('button', { name: /^Discard lead/ })
    .first()
    .click();
  await page.getByText('The lead was discarded.').waitFor();
  await page.locator('#failed-groups tr', { hasText: 'unknown-attribute' }).getByText('1').waitFor();
  await page.getByRole('button', { name: 'Retry all leads with unknown-attribute' }).click();
  await page.getByText('1 lead is tried again.').waitFor();

  if (picture !== undefined) await page.screenshot({ path: picture, fullPage: true });

  // The key outlives a reload of the tab, and no other tab has it.
  const before = complaints.length;
  await page.reload();
  await page.getByText('Live: this page updates by itself.').waitFor();
  // A page that is left ends what it was asking for.
  const others = complaints.splice(before).filter((complaint) => !complaint.includes('net::ERR_ABORTED'));
  complaints.push(...others);
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
