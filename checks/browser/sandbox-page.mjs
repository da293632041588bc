// A walk through the sandbox's page in a real browser, with the sandbox as it is delivered (dist):
//   node checks/browser/sandbox-page.mjs [path of chromium] [picture.png]
// Ends with exit code 1 and what went wrong.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { startSandbox } from '../../dist/sandbox/sandbox.js';
import { complaintsOf, countLoads, withBrowser } from './support.mjs';

const [executablePath, picture] = process.argv.slice(2);

/** What a gateway answers its callers, as the sandbox that is embedded in one learns it. */
const gateway = {
  url: 'http://127.0.0.1:8080',
  answerOf: (requestId) => (requestId === 'known' ? { status: 201, problem: null } : undefined),
  send: async (lead) => ({ status: 422, requestId: 'sent', body: { got: lead } }),
};
const sandbox = await startSandbox({ port: 0, gateway: () => gateway });

async function syncLead(record) {
  const timestamp = new Date().toISOString();
  const signature = createHmac('sha1', 'sandbox-encryption-key').update(`${timestamp}sandbox`).digest('hex');
  const response = await fetch(sandbox.endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'text/xml; charset=utf-8', 'X-Request-Id': 'known' },
    body:
      '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://www.marketo.com/mktows/"><e:Header>' +
      `<m:AuthenticationHeader><mktowsUserId>sandbox</mktowsUserId><requestSignature>${signature}</requestSignature>` +
      `<requestTimestamp>${timestamp}</requestTimestamp></m:AuthenticationHeader></e:Header><e:Body><m:paramsSyncLead>` +
      `<leadRecord>${record}</leadRecord><returnLead>false</returnLead></m:paramsSyncLead></e:Body></e:Envelope>`,
  });
  return response.status;
}

const attribute = (name, value) =>
  `<attribute><attrName>${name}</attrName><attrValue>${value}</attrValue></attribute>`;

async function walk(browser) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 1100 } });
  const problems = complaintsOf(page);
  const loads = countLoads(page);
  page.setDefaultTimeout(5000);

  await page.goto(`${sandbox.url}/`);
  await page.getByText('Live: this page updates by itself.').waitFor();

  // A lead shows up without a reload, and what it holds is text, not markup.
  assert.equal(await syncLead('<Email>ann@example.com</Email>'), 200);
  await page.getByRole('cell', { name: 'ann@example.com' }).waitFor();
  const evil = '&lt;img src=x onerror=alert(1)&gt;';
  await syncLead(
    `<Email>${evil}</Email><leadAttributeList>${attribute('FirstName', evil)}${attribute('LeadScore', '5')}</leadAttributeList>`,
  );
  await page.getByRole('cell', { name: '<img src=x onerror=alert(1)>' }).waitFor();
  assert.equal(await page.locator('img').count(), 0);

  // By keyboard: open a lead, see fields and history, keep the focus while the page updates, close it.
  await page.getByRole('button', { name: 'Show lead 1000002' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Lead 1000002' }).waitFor();
  await page.getByText('Email: – → <img src=x onerror=alert(1)>').waitFor();
  await page.getByRole('button', { name: 'Show lead 1000001' }).focus();
  await syncLead(
    `<Email>ann@example.com</Email><leadAttributeList>${attribute('City', 'Rome')}</leadAttributeList>`,
  );
  await page.locator('#calls tr').nth(2).waitFor();
  assert.equal(
    await page.evaluate(() => document.activeElement?.getAttribute('aria-label')),
    'Show lead 1000001',
  );
  await page.keyboard.press('Enter');
  await page.getByText('UPDATED by syncLead, found by Email').waitFor();
  await page.getByText('City: – → Rome').waitFor();
  await page.locator('#calls .good', { hasText: 'UPDATED' }).waitFor();

  // By search.
  await page.getByLabel('Show those that contain').fill('ROME');
  await page.getByRole('button', { name: 'Show lead 1000002' }).waitFor({ state: 'detached' });
  await page.getByLabel('Show those that contain').fill('');
  await page.getByRole('button', { name: 'Show lead 1000002' }).waitFor();

  // A call as it was sent, without secrets, and what the caller saw.
  await page.locator('#calls tr', { hasText: '201' }).first().waitFor();
  await page.getByRole('button', { name: 'Show call 1', exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.locator('#call-request', { hasText: '<requestSignature>••••</requestSignature>' }).waitFor();
  await page.locator('#call-answer', { hasText: '<status>CREATED</status>' }).waitFor();
  await page.locator('#call').getByRole('button', { name: 'Close' }).click();

  // A lead goes to the gateway from here; the gateway's pages are one click away.
  await page.getByLabel('Body of PUT /leads').fill('{"email":"sent@example.com"}');
  await page.getByRole('button', { name: 'Send it to the gateway' }).click();
  await page.locator('#send-answer', { hasText: 'sent@example.com' }).waitFor();
  await page.getByLabel('Body of PUT /leads').fill('{"email":');
  await page.getByRole('button', { name: 'Send it to the gateway' }).click();
  await page.getByText('That failed: the body is not JSON').waitFor();
  const docs = await page.getByRole('link', { name: 'API documentation' }).getAttribute('href');
  assert.equal(docs, 'http://127.0.0.1:8080/docs');

  // The limits show the use; faults and delays are queued and happen.
  await page.getByText('3 of 10,000').waitFor();
  await page.getByLabel('Answer with fault').selectOption('20011');
  await page.getByRole('button', { name: 'Queue the fault' }).press('Enter');
  await page.getByText('fault 20011 Internal error').first().waitFor();
  assert.equal(await syncLead('<Email>bob@example.com</Email>'), 500);
  await page.getByLabel('What is queued happens to').fill('3');
  await page.getByRole('button', { name: 'Queue the fault' }).click();
  await page.getByText('fault 20011 Internal error, 3 times').waitFor();
  await page.getByRole('button', { name: 'Clear the queue' }).click();
  await page.getByLabel('What is queued happens to').fill('1');
  await page.locator('#calls .bad', { hasText: 'fault 20011' }).waitFor();
  await page.getByLabel('Delay the answer by').fill('1');
  await page.getByRole('button', { name: 'Queue the delay' }).click();
  await page.getByText('answer delayed by 1 s').waitFor();
  await page.getByRole('button', { name: 'Clear the queue' }).click();
  await page.getByText('Empty: calls are answered normally.').waitFor();
  await page.getByRole('button', { name: 'Enforce the limits' }).click();
  await page.getByRole('button', { name: 'Enforce the limits', pressed: false }).waitFor();

  // A REST call shows what it was for; codes are queued, and the token is ended.
  const query = 'grant_type=client_credentials&client_id=sandbox&client_secret=sandbox-client-secret';
  const { access_token: token } = await (await fetch(`${sandbox.url}/identity/oauth/token?${query}`)).json();
  const sync = async () => {
    const response = await fetch(`${sandbox.restEndpoint}/v1/leads.json`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ partitionName: 'Europe', input: [{ email: 'rest@example.com' }] }),
    });
    return (await response.json()).errors?.[0].code;
  };
  await sync();
  await page.getByRole('cell', { name: 'REST sync createOrUpdate by email in Europe' }).waitFor();
  await page.getByLabel('Answer with REST code').selectOption('611');
  await page.getByRole('button', { name: 'Queue the code' }).click();
  await page.getByText('error 611 System error').first().waitFor();
  assert.equal(await sync(), '611');
  await page.locator('#calls .bad', { hasText: 'error 611' }).waitFor();
  await page.getByText('The REST token lives').waitFor();
  await page.getByRole('button', { name: 'End the token' }).click();
  await page.getByText('There is no REST token').waitFor();
  assert.equal(await sync(), '602');

  if (picture !== undefined) {
    await page.getByRole('button', { name: 'Enforce the limits' }).click();
    await syncLead(
      `<Email>zoe@example.com</Email><ForeignSysPersonId>003-17</ForeignSysPersonId><ForeignSysType>SFDC</ForeignSysType>`,
    );
    await page.locator('#calls tr').nth(4).waitFor();
    await page.screenshot({ path: picture, fullPage: true });
  }

  // Every control has a name.
  const nameless = await page
    .locator('button, input, select, a, meter')
    .evaluateAll((controls) =>
      controls
        .filter((one) => !one.textContent.trim() && !one.getAttribute('aria-label') && !one.labels?.length)
        .map((one) => one.outerHTML),
    );
  assert.deepEqual(nameless, []);

  page.on('dialog', (dialog) => void dialog.accept());
  await page.getByRole('button', { name: 'Reset the sandbox' }).click();
  await page.getByText('No leads yet.').waitFor();
  assert.equal(loads.count, 1, 'the page was loaded once');
  assert.deepEqual(problems, []);
}

try {
  await withBrowser(executablePath, walk);
  process.stdout.write('the page does what it should\n');
} finally {
  await sandbox.close();
}
