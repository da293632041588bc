// Pages of several origins against the gateway as it is delivered (dist), in a real browser:
//   node checks/browser/origins.mjs [path of chromium]
// Ends with exit code 1 at the first thing that is not as it should be.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { newKey, startWithKeys, withBrowser } from './support.mjs';

const [executablePath] = process.argv.slice(2);

/** A name of the gateway as a network of its own may have it. */
const FLAGS = ['--host-resolver-rules=MAP gateway.example 127.0.0.1'];

/** An empty page on an origin of its own. */
async function servePage() {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>A page</title>');
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** The gateway with what it logs from its start on, and the leads of its sandbox. */
async function startWatched(entries) {
  const gateway = await startWithKeys(entries, { LOG_LEVEL: 'info' });
  let log = '';
  gateway.child.stdout.on('data', (chunk) => (log += chunk));
  const leads = async () =>
    (await (await fetch(`${gateway.sandboxUrl}/_sandbox/leads`)).json()).leads.map(({ email }) => email);
  return { ...gateway, leads, log: () => log };
}

/** Puts a lead from inside a page; what the page learns of the answer. */
function putLead(page, url, key, email, added = {}) {
  return page.evaluate(
    async ([target, bearer, address, more]) => {
      try {
        const answer = await fetch(`${target}/leads`, {
          method: 'PUT',
          headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json', ...more },
          body: JSON.stringify({ email: address, attributes: { FirstName: 'Jane' } }),
        });
        const headers = Object.fromEntries(answer.headers);
        return { status: answer.status, body: await answer.json(), headers };
      } catch (error) {
        return { blocked: error.name };
      }
    },
    [url, key, email, added],
  );
}

/** Any request from inside a page; the status and problem the page learns, or that it learns nothing. */
function ask(page, url, init) {
  return page.evaluate(
    async ([target, { bytes, ...options }]) => {
      try {
        const body = bytes === undefined ? {} : { body: 'x'.repeat(bytes) };
        const answer = await fetch(target, { ...options, ...body });
        const text = await answer.text();
        const { type } = text.startsWith('{') ? JSON.parse(text) : {};
        return {
          status: answer.status,
          problem: type?.split('/').at(-1),
          allow: answer.headers.get('allow'),
        };
      } catch (error) {
        return { blocked: error.name };
      }
    },
    [url, init],
  );
}

/** What scripts for monitoring and old libraries add to the requests of a page. */
const ADDED = {
  'sentry-trace': '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1',
  baggage: 'sentry-release=1',
  'x-datadog-trace-id': '1',
  'x-datadog-parent-id': '2',
  'x-datadog-origin': 'rum',
  'x-requested-with': 'XMLHttpRequest',
  newrelic: 'e30=',
};

/** A page sees what is wrong, whatever it is, instead of "Failed to fetch". */
async function seeErrors(page, foreign, url, key) {
  const json = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const put = (headers, more) => ({ method: 'PUT', headers, ...more });
  const seen = {
    'an unknown path': [await ask(page, `${url}/lead`, put(json, { bytes: 1 })), 404, 'not-found'],
    'GET of an unknown path': [await ask(page, `${url}/x/y`, {}), 404, 'not-found'],
    'PATCH of leads': [
      await ask(page, `${url}/leads`, { method: 'PATCH', headers: json }),
      405,
      'method-not-allowed',
    ],
    'DELETE of leads': [
      await ask(page, `${url}/leads`, { method: 'DELETE', headers: json }),
      405,
      'method-not-allowed',
    ],
    'no key': [
      await ask(page, `${url}/leads`, put({ 'content-type': 'application/json' }, { bytes: 1 })),
      401,
      'unauthorized',
    ],
    'no JSON': [await ask(page, `${url}/leads`, put(json, { bytes: 1 })), 400, 'malformed-json'],
    'too large': [await ask(page, `${url}/leads`, put(json, { bytes: 1_200_000 })), 413, 'body-too-large'],
    'a form': [
      await ask(page, `${url}/leads`, put({ ...json, 'content-type': 'text/plain' }, { bytes: 1 })),
      415,
      'unsupported-media-type',
    ],
    'the metrics': [await ask(page, `${url}/metrics`, { headers: json }), 403, 'forbidden'],
    health: [await ask(page, `${url}/healthz`, { headers: ADDED }), 200, undefined],
    'the document': [await ask(page, `${url}/openapi.json`, {}), 200, undefined],
    'headers that are too large': [
      await ask(page, `${url}/leads`, put({ ...json, 'x-large': 'x'.repeat(20_000) }, { bytes: 1 })),
      431,
      undefined,
    ],
  };
  for (const [what, [answer, status, problem]] of Object.entries(seen)) {
    assert.deepEqual(
      [answer.status, answer.problem],
      [status, problem],
      `${what}: ${JSON.stringify(answer)}`,
    );
  }
  assert.equal(seen['PATCH of leads'][0].allow, 'GET, HEAD, PUT, POST, OPTIONS', 'the page may read Allow');
  for (const path of ['/leads', '/healthz', '/nothing']) {
    assert.deepEqual(await ask(foreign, url + path, {}), { blocked: 'TypeError' }, `${path}: another origin`);
  }
}

async function walk(browser, gateway, { allowed, other }, { secret, publishable }) {
  const open = async (address) => {
    const page = await browser.newPage();
    await page.goto(address);
    return page;
  };
  const mine = await open(allowed.origin);
  const foreign = await open(other.origin);
  const own = await open(`${gateway.url}/healthz`);

  const accepted = await putLead(mine, gateway.url, publishable, 'allowed@example.com');
  assert.equal(accepted.status, 202);
  assert.deepEqual(accepted.body, { status: 'ACCEPTED' });
  assert.ok(accepted.headers['x-request-id'], 'the page may read X-Request-Id');
  assert.match(accepted.headers['ratelimit'], /"burst"/);
  assert.equal(accepted.headers['server-timing'], undefined);

  await putLead(mine, gateway.url, publishable, 'allowed@example.com');
  const preflights = gateway.log().match(/"method":"OPTIONS"/g) ?? [];
  assert.equal(preflights.length, 1, 'the answer to the preflight is kept');

  const blocked = await putLead(foreign, gateway.url, publishable, 'foreign@example.com');
  assert.deepEqual(blocked, { blocked: 'TypeError' }, 'another origin cannot');

  const refused = await putLead(mine, gateway.url, secret, 'secret@example.com');
  assert.equal(refused.status, 403, 'a secret key is refused in a page of another origin');
  assert.match(refused.body.detail, /^A secret key must not be in a browser/);
  const created = await putLead(own, gateway.url, secret, 'own@example.com');
  assert.equal(created.status, 201, "a secret key is taken in the gateway's own pages");
  const named = await open(`${gateway.url.replace('127.0.0.1', 'gateway.localhost')}/healthz`);
  assert.equal(
    (await putLead(named, '', secret, 'own@example.com')).status,
    200,
    'by a name on loopback, too',
  );
  const plain = await open(`${gateway.url.replace('127.0.0.1', 'gateway.example')}/healthz`);
  assert.equal(
    (await putLead(plain, '', secret, 'own@example.com')).status,
    200,
    'by a name without a certificate, too',
  );
  const framed = await framedPage(browser);
  const opaque = await putLead(framed, gateway.url, secret, 'secret@example.com');
  assert.deepEqual(opaque, { blocked: 'TypeError' }, 'a sandboxed frame has no origin');
  assert.deepEqual(await putLead(foreign, gateway.url, secret, 'secret@example.com'), {
    blocked: 'TypeError',
  });

  await seeErrors(mine, foreign, gateway.url, publishable);
  const watched = await putLead(mine, gateway.url, publishable, 'allowed@example.com', ADDED);
  assert.equal(watched.status, 202, 'with the headers of monitoring scripts');
  // The browser shows a page nothing of a preflight that failed; its tools for developers show this.
  const preflight = await fetch(`${gateway.url}/leads`, {
    method: 'OPTIONS',
    headers: { origin: other.origin, 'access-control-request-method': 'PUT' },
  });
  assert.equal(preflight.status, 403);
  assert.match((await preflight.json()).detail, /Secret keys never work in pages of another origin/);

  assert.deepEqual(
    await gateway.leads(),
    ['allowed@example.com', 'own@example.com'],
    'nothing else was written',
  );
}

/** A frame without an origin of its own: what it sends has `Origin: null`. */
async function framedPage(browser) {
  const opened = await browser.newPage();
  await opened.setContent('<iframe sandbox="allow-scripts" srcdoc="<title>A frame</title>"></iframe>');
  return opened.frames()[1];
}

const pages = { allowed: await servePage(), other: await servePage() };
const secret = newKey('secret', { name: 'back-end', attributes: ['*'] });
const publishable = newKey('publishable', {
  name: 'web-form',
  origins: [pages.allowed.origin],
  attributes: ['FirstName'],
  rateLimit: { requestsPerSecond: 10 },
});
const gateway = await startWatched([secret.entry, publishable.entry]);
const keys = { secret: secret.key, publishable: publishable.key };
try {
  await withBrowser(executablePath, (browser) => walk(browser, gateway, pages, keys), FLAGS);
  process.stdout.write('Pages may do what their origin and their key allow, and nothing else.\n');
} finally {
  await gateway.stop();
  for (const page of Object.values(pages)) page.close();
}
