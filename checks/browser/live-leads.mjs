// A lead put to the gateway shows up on the sandbox's page without a reload, in a real browser:
//   node checks/browser/live-leads.mjs [path of chromium]
// Ends with exit code 1 and what went wrong.
import assert from 'node:assert/strict';
import { putLead, startDemo } from '../processes.mjs';
import { complaintsOf, countLoads, withBrowser } from './support.mjs';

const [executablePath] = process.argv.slice(2);
const { url, sandboxUrl, stop } = await startDemo();
try {
  await withBrowser(executablePath, async (browser) => {
    const page = await browser.newPage();
    page.setDefaultTimeout(5000);
    const complaints = complaintsOf(page);
    const loads = countLoads(page);
    await page.goto(`${sandboxUrl}/_sandbox`);
    assert.equal((await putLead(url, 'live@example.com')).status, 201);
    await page.getByText('live@example.com').first().waitFor();
    assert.equal(loads.count, 1, 'the page was loaded again');
    assert.deepEqual(complaints, []);
  });
  console.log('a lead put to the gateway shows up without a reload');
} finally {
  await stop();
}
