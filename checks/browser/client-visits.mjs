// Visits to pages with the browser client, in Chromium, with everything that goes wrong in a visitor's day:
//   node checks/browser/client-visits.mjs [visits, 1000] [seed] [path of chromium]
// Pages are closed, reloaded and opened twice, the network goes away, the gateway says 429 or is cut off. Ends with exit
// code 1 unless every lead that send took has arrived, and those of a person in order.
import assert from 'node:assert/strict';
import { until } from '../processes.mjs';
import { lead, pending, ready, refuse, startClientPages } from './client-support.mjs';
import { withBrowser } from './support.mjs';

const [visitsText = '1000', seedText = `${Date.now() % 100_000}`, executablePath] = process.argv.slice(2);
const VISITS = Number(visitsText);
const AT_A_TIME = 8;
const VISITS_OF_A_BROWSER = 10;
const LIMITED = { type: '/problems/rate-limited', status: 429, retryable: true, detail: 'Slow down.' };

/** Mulberry32. */
function createRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = createRandom(Number(seedText));
const chance = (part) => random() < part;
const pause = (maxMs) => new Promise((done) => setTimeout(done, maxMs * random()));
const counts = { visits: 0, leads: 0, offline: 0, closed: 0, reloaded: 0, twoTabs: 0, limited: 0, cut: 0 };

/** Person → how many leads send took. */
const took = new Map();

function misbehave(response) {
  if (chance(0.1)) {
    counts.limited += 1;
    refuse(response, 429, { 'retry-after': '1' }, JSON.stringify(LIMITED));
    return true;
  }
  if (chance(0.05)) {
    counts.cut += 1;
    response.destroy();
    return true;
  }
  return false;
}

async function open(context, origin) {
  const page = await context.newPage();
  await page.goto(`${origin}/`);
  await ready(page);
  return page;
}

/** Sends leads of somebody on a page, without waiting for what becomes of them. */
async function sendSome(page, people) {
  const email = people[Math.floor(random() * people.length)];
  const first = (took.get(email) ?? 0) + 1;
  const leads = Array.from({ length: 1 + Math.floor(3 * random()) }, (_one, index) =>
    lead(email, first + index),
  );
  await page.evaluate((given) => {
    for (const one of given) void window.send(one);
  }, leads);
  took.set(email, first + leads.length - 1);
  counts.leads += leads.length;
}

async function visit(context, origin, people) {
  counts.visits += 1;
  const pages = [await open(context, origin)];
  if (chance(0.2)) {
    counts.twoTabs += 1;
    pages.push(await open(context, origin));
  }
  const isOffline = chance(0.25);
  if (isOffline) {
    counts.offline += 1;
    await context.setOffline(true);
  }
  for (const page of pages) await sendSome(page, people);
  if (isOffline && chance(0.5)) {
    await pause(200);
    await context.setOffline(false);
  }
  await pause(200);
  if (!isOffline && chance(0.2)) {
    counts.reloaded += 1;
    await pages[0].reload();
  }
  // Half of the tabs stay a little.
  if (chance(0.5)) await pause(600);
  for (const page of pages) await page.close();
  counts.closed += pages.length;
  await context.setOffline(false);
}

/** A visitor's browser from its first visit to its last, on which it stays until everything is sent. */
async function useBrowser(browser, origin, name, visits) {
  const context = await browser.newContext();
  // A cookie makes one person of all who use it.
  const people = [`${name}-a@example.com`];
  if (chance(0.5)) people.push(`${name}-b@example.com`);
  else {
    const value = `id:123-ABC-456&token:_mch-example.com-${name}`;
    await context.addCookies([{ name: '_mkto_trk', value, url: origin }]);
  }
  for (let index = 0; index < visits; index += 1) await visit(context, origin, people);
  const page = await open(context, origin);
  await until(async () => (await pending(page)) === 0, `${name} has not sent everything`, 180_000);
  assert.deepEqual(await page.evaluate(() => window.problems), []);
  await context.close();
  for (const email of people) checkArrivals(recorder.taken, email);
}

/** Fails unless a person's leads have arrived, for the first time each in order. */
function checkArrivals(taken, email) {
  const numbers = taken.filter((one) => one.email === email).map(({ attributes }) => attributes.LeadScore);
  const expected = Array.from({ length: took.get(email) ?? 0 }, (_one, index) => index + 1);
  assert.deepEqual([...new Set(numbers)], expected, email);
}

/** Fails unless the sandbox has the last lead of each person, whatever came twice. */
async function checkStored(sandboxUrl) {
  const { leads } = await (await fetch(`${sandboxUrl}/_sandbox/leads`)).json();
  const stored = new Map(leads.map(({ email, attributes }) => [email, attributes]));
  for (const [email, count] of took) assert.equal(Number(stored.get(email)?.LeadScore), count, email);
}

const { gateway, recorder, origin, pages } = await startClientPages();
console.log(`seed ${seedText}`);
try {
  recorder.fault = (_request, response) => misbehave(response);
  await withBrowser(executablePath, async (browser) => {
    const browsers = Math.ceil(VISITS / VISITS_OF_A_BROWSER);
    let next = 0;
    const work = async () => {
      while (next < browsers) {
        next += 1;
        await useBrowser(browser, origin, `v${next}`, Math.min(VISITS, VISITS_OF_A_BROWSER));
        if (next % 10 === 0) console.log(JSON.stringify(counts));
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
  });
  for (const email of took.keys()) checkArrivals(recorder.taken, email);
  const again = recorder.taken.length - counts.leads;
  await checkStored(gateway.sandboxUrl);
  console.log(`${JSON.stringify(counts)}: all arrived in order, ${again} of them more than once`);
} catch (error) {
  console.error(error);
  process.exit(1);
} finally {
  await gateway.stop();
  recorder.close();
  pages.close();
}
