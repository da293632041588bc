// The browser client in Debian's Firefox ESR, driven by puppeteer-core from a folder where npm has installed it:
//   node checks/browser/client-firefox.mjs FOLDER [path of firefox]
// Ends with exit code 1 at the first thing that is not as it should be.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { drained, lead, ready, send, startClientPages } from './client-support.mjs';

const [folder, executablePath = '/usr/bin/firefox-esr'] = process.argv.slice(2);
const { default: puppeteer } = createRequire(join(resolve(folder), 'index.js'))('puppeteer-core');

async function open(browser, origin) {
  const page = await browser.newPage();
  await page.goto(`${origin}/`);
  await ready(page);
  return page;
}

async function walk(browser, { origin, recorder }) {
  const arrivals = (email) =>
    recorder.taken.filter((one) => one.email === email).map((one) => one.attributes.LeadScore);
  const first = await open(browser, origin);
  assert.deepEqual(await send(first, lead('fox@example.com', 1)), { status: 'ACCEPTED' });
  const refused = await send(first, lead('nonsense', 1));
  assert.deepEqual([refused.name, refused.slug], ['LeadProblem', 'validation-failed']);

  // Nothing gets through, then everything.
  recorder.fault = (_request, response) => {
    response.destroy();
    return true;
  };
  const queued = await send(first, lead('fox@example.com', 2));
  assert.deepEqual(queued, { status: 'QUEUED', durable: true, slug: 'network' });
  await send(first, lead('fox@example.com', 3));
  await first.close();
  recorder.fault = undefined;
  const second = await open(browser, origin);
  await drained(second);
  assert.deepEqual(arrivals('fox@example.com'), [1, 2, 3]);

  const third = await open(browser, origin);
  const results = [];
  for (let n = 1; n <= 12; n += 1) {
    const page = n % 2 ? second : third;
    results.push(send(page, lead('tabs@example.com', n)));
    await page.evaluate(() => new Promise((done) => setTimeout(done, 20)));
  }
  assert.deepEqual(
    await Promise.all(results),
    Array.from(results, () => ({ status: 'ACCEPTED' })),
  );
  assert.deepEqual(
    arrivals('tabs@example.com'),
    Array.from(results, (_result, index) => index + 1),
  );
}

const { gateway, recorder, origin, pages } = await startClientPages();
const browser = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true });
try {
  await walk(browser, { origin, recorder });
  console.log(`${await browser.version()}: sends, keeps, shares between two tabs.`);
} finally {
  await browser.close();
  await gateway.stop();
  recorder.close();
  pages.close();
}
