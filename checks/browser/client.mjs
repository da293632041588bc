// The browser client on pages under a strict policy, against the gateway as it is delivered (dist), in Chromium:
//   node checks/browser/client.mjs [path of chromium]
// Ends with exit code 1 at the first thing that is not as it should be.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { temporaryFolder, until } from '../processes.mjs';
import { drained, lead, ready, refuse, send, startClientPages } from './client-support.mjs';
import { CHROMIUM, CHROMIUM_FLAGS, complaintsOf, withBrowser } from './support.mjs';

const [executablePath] = process.argv.slice(2);
const COOKIE = 'id:123-ABC-456&token:_mch-example.com-1700000000000-12345';
/** A name that is not the machine's own, so that pages without TLS have no Web Locks there. */
const PLAIN_HOST = 'page.example';
const FLAGS = [`--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`];

/** What the gateway took for a person, in order; without what came twice. */
const arrivals = (taken, email) => [
  ...new Set(taken.filter((one) => one.email === email).map(({ attributes }) => attributes.LeadScore)),
];

async function open(context, origin, options = {}) {
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  await page.goto(`${origin}/#${encodeURIComponent(JSON.stringify(options))}`);
  await ready(page);
  return page;
}

const SCENARIOS = {
  'takes the cookie by itself, and gives the answer of the gateway': async ({
    context,
    origin,
    recorder,
  }) => {
    await context.addCookies([{ name: '_mkto_trk', value: COOKIE, url: origin }]);
    const page = await open(context, origin);
    const complaints = complaintsOf(page);
    assert.deepEqual(await send(page, lead('cookie@example.com', 1)), { status: 'ACCEPTED' });
    assert.equal(recorder.taken.at(-1).marketoCookie, COOKIE);
    await send(page, { ...lead('cookie@example.com', 2), marketoCookie: '' });
    assert.equal(recorder.taken.at(-1).marketoCookie, '', 'what the page says counts');
    const shared = await open(context, origin, { cookie: false });
    await send(shared, lead('cookie@example.com', 3));
    assert.equal(recorder.taken.at(-1).marketoCookie, undefined);
    assert.deepEqual(complaints, []);
  },

  'rejects what the gateway refuses, with its problem, and sends it once': async (given) => {
    const { context, origin, recorder } = given;
    const page = await open(context, origin);
    const before = recorder.asked;
    const refused = await send(page, { email: 'nonsense', attributes: { Phone: '1' } });
    assert.equal(refused.name, 'LeadProblem');
    assert.deepEqual([refused.slug, refused.status], ['validation-failed', 422]);
    assert.deepEqual(
      refused.errors.map(({ pointer }) => pointer),
      ['#/email'],
    );
    const forbidden = await send(page, { email: 'a@example.com', attributes: { Phone: '1' } });
    assert.deepEqual([forbidden.slug, forbidden.errors[0].pointer], ['forbidden', '#/attributes/Phone']);
    await page.reload();
    await ready(page);
    await send(page, lead('after@example.com', 1));
    assert.equal(recorder.asked - before, 3);
  },

  'keeps leads while offline, and sends them in order when it is back': async ({
    context,
    origin,
    recorder,
  }) => {
    const page = await open(context, origin, { maxQueued: 4 });
    await context.setOffline(true);
    for (const n of [1, 2, 3]) {
      const queued = await send(page, lead('offline@example.com', n));
      assert.deepEqual(queued, { status: 'QUEUED', durable: true, slug: 'network' });
    }
    await send(page, lead('other@example.com', 1));
    const full = await send(page, lead('offline@example.com', 5));
    assert.deepEqual([full.slug, full.status], ['queue-full', 0]);
    await context.setOffline(false);
    await drained(page);
    assert.deepEqual(arrivals(recorder.taken, 'offline@example.com'), [1, 2, 3]);
    assert.deepEqual(arrivals(recorder.taken, 'other@example.com'), [1]);
  },

  'loses nothing when the page is closed in the middle': async ({ context, origin, recorder }) => {
    const page = await open(context, origin);
    const held = [];
    recorder.fault = () => new Promise((resolve) => held.push(resolve));
    await page.evaluate(
      (leads) => void leads.map((one) => window.send(one)),
      [1, 2, 3].map((n) => lead('closed@example.com', n)),
    );
    await until(() => held.length > 0, 'nothing is sent');
    await page.close({ runBeforeUnload: false });
    recorder.fault = undefined;
    for (const resolve of held) resolve(false);
    const next = await open(context, origin);
    await drained(next);
    assert.deepEqual(arrivals(recorder.taken, 'closed@example.com'), [1, 2, 3]);
    // Two leads, and another page in the same moment.
    await next.evaluate(
      (leads) => {
        for (const one of leads) void window.send(one);
        location.reload();
      },
      [1, 2].map((n) => lead('left@example.com', n)),
    );
    await ready(next);
    await drained(next);
    assert.deepEqual(arrivals(recorder.taken, 'left@example.com'), [1, 2]);
  },

  'sends a beacon when the page goes to another origin at once': async ({ context, origin, recorder }) => {
    const page = await open(context, origin);
    const methods = [];
    recorder.fault = ({ method }) => void methods.push(method);
    await page.evaluate(
      (one) => {
        void window.send(one);
        location.href = 'about:blank';
      },
      lead('beacon@example.com', 1),
    );
    await until(() => arrivals(recorder.taken, 'beacon@example.com').length > 0, 'no lead has arrived');
    assert.deepEqual(methods, ['POST']);
  },

  'shares the queue between two tabs': twoTabs,

  'waits as long as the gateway says, on all pages': async ({ context, origin, recorder }) => {
    const tabs = [await open(context, origin), await open(context, origin)];
    const times = [];
    recorder.fault = (_request, response) => {
      times.push(performance.now());
      if (times.length > 1) return false;
      const problem = { type: '/problems/rate-limited', status: 429, retryable: true, detail: 'Slow down.' };
      refuse(response, 429, { 'retry-after': '2' }, JSON.stringify(problem));
      return true;
    };
    const first = await send(tabs[0], lead('told@example.com', 1));
    assert.deepEqual(first, { status: 'QUEUED', durable: true, slug: 'rate-limited' });
    const second = await send(tabs[1], lead('told@example.com', 2));
    assert.equal(second.slug, 'rate-limited', 'the other tab knows');
    const third = await open(context, origin);
    await drained(third);
    assert.ok(times[1] - times[0] >= 2000, `asked again after ${times[1] - times[0]} ms`);
    assert.deepEqual(arrivals(recorder.taken, 'told@example.com'), [1, 2]);
  },

  'waits even if another lead is taken in between': async ({ context, origin, recorder }) => {
    const page = await open(context, origin);
    const asked = [];
    const body = JSON.stringify({
      type: '/problems/rate-limited',
      status: 429,
      retryable: true,
      detail: 'Slow.',
    });
    recorder.fault = async (_request, response) => {
      const count = asked.push(performance.now());
      if (count === 2) refuse(response, 429, { 'retry-after': '2' }, body);
      // The first one is taken after the second was told to wait.
      else if (count === 1) await new Promise((done) => setTimeout(done, 500));
      return count === 2;
    };
    const results = await Promise.all(
      ['slow', 'told'].map((name) => send(page, lead(`${name}2@example.com`, 1))),
    );
    const statuses = results.map(({ status }) => status).toSorted();
    assert.deepEqual(statuses, ['ACCEPTED', 'QUEUED'], JSON.stringify(results));
    await send(page, lead('slow2@example.com', 2));
    await drained(page);
    assert.ok(asked[2] - asked[1] >= 2000, `asked again after ${asked[2] - asked[1]} ms`);
  },

  'goes on after answers that do not come from the gateway': async ({ context, origin, recorder }) => {
    const page = await open(context, origin);
    const answers = [
      (response) => refuse(response, 200, { 'content-type': 'text/html' }, '<h1>Sign in</h1>'),
      (response) => refuse(response, 404, { 'content-type': 'text/html' }, 'default backend'),
      (response) => response.destroy(),
    ];
    recorder.fault = (_request, response) => {
      const answer = answers.shift();
      answer?.(response);
      return answer !== undefined;
    };
    assert.equal((await send(page, lead('odd@example.com', 1))).slug, 'http-200');
    await drained(page);
    assert.deepEqual(arrivals(recorder.taken, 'odd@example.com'), [1]);
  },

  'keeps leads in memory where localStorage is full, and ignores what it cannot read': async (given) => {
    const { context, origin, recorder } = given;
    const page = await open(context, origin);
    await page.evaluate((url) => {
      localStorage.setItem(`lead-gateway:1:${url}:lead:0-x`, '{');
      let size = 4_000_000;
      for (let n = 0; size > 0; n += 1) {
        try {
          localStorage.setItem(`filler${n}`, 'x'.repeat(size));
        } catch {
          size = Math.floor(size / 2);
        }
      }
    }, recorder.url);
    await context.setOffline(true);
    const queued = await send(page, lead('full@example.com', 1));
    assert.deepEqual(queued, { status: 'QUEUED', durable: false, slug: 'network' });
    await context.setOffline(false);
    await drained(page);
    assert.deepEqual(arrivals(recorder.taken, 'full@example.com'), [1]);
  },
};

/** Leads of one person from two tabs: each arrives once, in the order of the whole, and both tabs hear of it. */
async function twoTabs({ context, origin, recorder }) {
  const tabs = [await open(context, origin), await open(context, origin)];
  const results = [];
  for (let n = 1; n <= 12; n += 1) {
    // Later than the one before by more than a millisecond, but not waiting for its answer.
    results.push(send(tabs[n % 2], lead('tabs@example.com', n)));
    await tabs[n % 2].evaluate(() => new Promise((done) => setTimeout(done, 20)));
  }
  assert.deepEqual(
    await Promise.all(results),
    Array.from(results, () => ({ status: 'ACCEPTED' })),
  );
  const taken = recorder.taken.filter(({ email }) => email === 'tabs@example.com');
  assert.deepEqual(
    taken.map(({ attributes }) => attributes.LeadScore),
    Array.from(results, (_result, index) => index + 1),
  );
  const refused = await send(tabs[1], lead('nonsense', 1));
  assert.equal(refused.slug, 'validation-failed');
}

/** A browser that is told to block cookies, and with them localStorage. */
async function withoutCookies({ origin, recorder }) {
  const profile = temporaryFolder();
  mkdirSync(join(profile, 'Default'));
  const blocked = { profile: { default_content_setting_values: { cookies: 2 } } };
  writeFileSync(join(profile, 'Default/Preferences'), JSON.stringify(blocked));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: executablePath ?? CHROMIUM,
    args: CHROMIUM_FLAGS,
  });
  try {
    const page = await open(context, origin);
    const isBlocked = await page.evaluate(() => {
      try {
        return localStorage === undefined;
      } catch (error) {
        return error.name;
      }
    });
    assert.equal(isBlocked, 'SecurityError');
    assert.deepEqual(await send(page, lead('blocked@example.com', 1)), { status: 'ACCEPTED' });
    assert.equal(recorder.taken.at(-1).marketoCookie, undefined);
    await context.setOffline(true);
    const queued = await send(page, lead('blocked@example.com', 2));
    assert.deepEqual(queued, { status: 'QUEUED', durable: false, slug: 'network' });
    await context.setOffline(false);
    await drained(page);
    assert.deepEqual(arrivals(recorder.taken, 'blocked@example.com'), [1, 2]);
  } finally {
    await context.close();
  }
}

async function run(browser, setup, name, scenario) {
  const context = await browser.newContext();
  try {
    await scenario({ ...setup, context });
    console.log(`ok: ${name}`);
  } catch (error) {
    error.message = `${name}: ${error.message}`;
    throw error;
  } finally {
    setup.recorder.fault = undefined;
    await context.close();
  }
}

const setups = [await startClientPages(), await startClientPages({ host: PLAIN_HOST })];
try {
  await withBrowser(
    executablePath,
    async (browser) => {
      for (const [name, scenario] of Object.entries(SCENARIOS)) await run(browser, setups[0], name, scenario);
      await run(browser, setups[1], 'shares the queue without Web Locks, too', async (given) => {
        const page = await open(given.context, given.origin);
        assert.equal(await page.evaluate(() => 'locks' in navigator), false);
        await twoTabs(given);
      });
    },
    FLAGS,
  );
  await withoutCookies(setups[0]);
  console.log('ok: works without cookies and storage');
} finally {
  for (const { gateway, recorder, pages } of setups) {
    await gateway.stop();
    recorder.close();
    pages.close();
  }
}
