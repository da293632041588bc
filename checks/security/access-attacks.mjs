// Keys, tokens, permissions and the key file.
import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { chmodSync, chownSync, readFileSync, statSync } from 'node:fs';
import { startDemo } from '../processes.mjs';
import { createIssuer, signToken } from './issuer.mjs';
import { byOther, claims, OTHER, REFUSED_TOKENS, withHeader } from './token-attacks.mjs';
import { bearer, expectAll, newKey, ORIGIN, putLead, send, writeKeyFile } from './target.mjs';

const LEAD = { email: 'attack@example.com' };

const WRONG = () => [
  ['no key', {}],
  ['a key of this form', bearer(newKey())],
  ['a publishable key of this form', { ...bearer(newKey('publishable')), origin: ORIGIN }],
  ['a short key', bearer('lgs_')],
  ['a key of 8,000 characters', bearer(`lgs_${'A'.repeat(8000)}`)],
  ['another scheme', { authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` }],
  ['an empty key', { 'x-api-key': '' }],
  ['a hash in place of its key', bearer('0'.repeat(64))],
  ['SQL', bearer("'OR'1'='1")],
];

async function guessKeys({ url }) {
  const rows = [];
  for (const [what, headers] of WRONG()) {
    const { status, text } = await putLead(url, LEAD, headers);
    rows.push([what, status, status === 401 ? JSON.parse(text).detail : '']);
  }
  const [, , detail] = rows.find(([, status]) => status === 401) ?? [];
  // An address that guesses too often is told so.
  expectAll(rows, ([, status, said]) => status === 429 || (status === 401 && said === detail));
  return `${rows.length} guesses`;
}

async function hideKeysInUrls({ url, key }) {
  const rows = [];
  for (const name of ['key', 'api_key', 'apikey', 'access_token', 'token']) {
    const { status } = await send(url, `/leads?${name}=${key}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(LEAD),
    });
    rows.push([name, status]);
  }
  expectAll(rows, ([, status]) => status === 401 || status === 429);
  return `${rows.length} names`;
}

async function contradict({ url, key }) {
  const other = newKey();
  const rows = [];
  for (const [what, headers] of [
    ['two lines of Authorization, the first right', { Authorization: [`Bearer ${key}`, `Bearer ${other}`] }],
    ['two lines of Authorization, the first wrong', { Authorization: [`Bearer ${other}`, `Bearer ${key}`] }],
    ['two lines of X-API-Key', { 'X-API-Key': [key, other] }],
    ['two keys in two headers', { ...bearer(key), 'x-api-key': other }],
    ['two keys in a line', bearer(`${key}, ${other}`)],
  ]) {
    rows.push([
      what,
      (
        await send(url, '/leads', {
          method: 'PUT',
          headers: { ...headers, 'content-type': 'application/json' },
          body: '{}',
        })
      ).status,
    ]);
  }
  expectAll(rows, ([, status]) => status === 401 || status === 400);
  return `${rows.length} requests`;
}

async function guessOften() {
  const key = newKey();
  const gateway = await startDemo({
    API_KEYS_FILE: writeKeyFile([{ name: 'one', key, kind: 'secret' }]),
    AUTH_FAILURES_PER_MINUTE: '5',
  });
  const statuses = [];
  for (let index = 0; index < 20; index += 1)
    statuses.push((await putLead(gateway.url, LEAD, bearer(newKey()))).status);
  const { status } = await putLead(gateway.url, LEAD, bearer(key));
  await gateway.stop();
  expectAll([[statuses.join()]], ([all]) => all === [...Array(5).fill(401), ...Array(15).fill(429)].join());
  if (status !== 201) throw new Error(`the right key was answered ${status} meanwhile`);
  return 'refused after 5 guesses a minute; the right key works meanwhile';
}

/** DNS rebinding: a page of a name that leads to loopback by now. */
async function rebind() {
  const { url, stop } = await startDemo();
  const { port } = new URL(url);
  const rows = [];
  for (const [what, headers] of [
    ['the host of another', { host: `evil.example:${port}` }],
    ['a host that begins like loopback', { host: `127.0.0.1.evil.example:${port}` }],
    ['a host that ends like it', { host: `evil.localhost.example:${port}` }],
    ['a page of another origin', { origin: 'https://evil.example' }],
    ['a page without an origin', { origin: 'null' }],
  ]) {
    rows.push([what, (await putLead(url, LEAD, headers)).status]);
  }
  const { status } = await putLead(url, LEAD);
  await stop();
  expectAll(rows, ([, refused]) => refused >= 400 && refused < 500);
  if (status >= 300) throw new Error(`a lead of this machine was answered ${status}`);
  return `${rows.length} requests`;
}

async function readMetrics({ url }) {
  const { status } = await send(url, '/metrics');
  if (status !== 401 && status !== 404 && status !== 429) throw new Error(`answered ${status}`);
  return `answered ${status}`;
}

async function tokenTricks({ url }) {
  const rows = [];
  for (const [what, token] of REFUSED_TOKENS)
    rows.push([what, (await putLead(url, LEAD, bearer(token()))).status]);
  expectAll(rows, ([, status]) => status === 401);
  const { status } = await putLead(url, LEAD, bearer(withHeader({ typ: 'at+jwt' })));
  if (status >= 300) throw new Error(`a good token was answered ${status}`);
  return `${rows.length} tokens`;
}

/** Without the keys of the issuer no token can be good. */
async function madeUpTokens({ url }) {
  const base64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = `${base64({ alg: 'none', typ: 'JWT' })}.${base64(claims())}`;
  const content = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64(claims())}`;
  const rows = [];
  for (const [what, token] of [
    ['none', `${unsigned}.`],
    ['HS256', `${content}.${createHmac('sha256', 'secret').update(content).digest('base64url')}`],
    ['a key of its own', byOther({ jwk: OTHER.publicKey.export({ format: 'jwk' }) })],
  ]) {
    rows.push([what, (await putLead(url, LEAD, bearer(token))).status]);
  }
  // 503 while the keys cannot be fetched.
  expectAll(rows, ([, status]) => [401, 429, 503].includes(status));
  return `${rows.length} tokens`;
}

async function fetchElsewhere({ url }) {
  const evil = await createIssuer();
  evil.publish({ one: OTHER.privateKey });
  for (const header of [
    { jku: evil.url },
    { x5u: evil.url },
    { kid: evil.url },
    { jku: evil.url, kid: 'x' },
  ]) {
    await putLead(url, LEAD, bearer(byOther(header)));
  }
  evil.close();
  if (evil.fetches() > 0) throw new Error(`${evil.fetches()} fetches`);
  return 'not fetched';
}

async function issuerAway() {
  const issuer = await createIssuer();
  const { url, stop } = await startDemo({
    JWT_ISSUER: issuer.settings.issuer,
    JWT_AUDIENCE: issuer.settings.audience,
    JWT_JWKS_URL: issuer.url,
    AUTH_FAILURES_PER_MINUTE: '10',
  });
  const token = signToken(JSON.stringify({ alg: 'RS256', kid: 'one' }), JSON.stringify(claims()));
  const before = (await putLead(url, LEAD, bearer(token))).status;
  issuer.answerWith(500);
  const statuses = new Map();
  for (let index = 0; index < 100; index += 1) {
    const { status } = await putLead(url, LEAD, bearer(withHeader({ kid: `made-up-${index}` })));
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  const after = (await putLead(url, LEAD, bearer(token))).status;
  await stop();
  issuer.close();
  if (before >= 300 || after >= 300) throw new Error(`a good token was answered ${before}, then ${after}`);
  if (statuses.get(429) !== 90)
    throw new Error(`made-up tokens were answered ${JSON.stringify([...statuses])}`);
  if (issuer.fetches() > 5) throw new Error(`100 made-up tokens caused ${issuer.fetches() - 1} fetches`);
  return `${issuer.fetches() - 1} fetches for 100 made-up tokens`;
}

async function overstep({ url, keys: { limited, publishable, full } }) {
  const page = { ...bearer(publishable), origin: ORIGIN };
  const rows = [];
  for (const [what, lead, headers] of [
    ['an id', { id: 1 }, bearer(limited)],
    ['a foreign id', { foreignSysPersonId: 'a', foreignSysType: 'CUSTOM' }, bearer(limited)],
    ['an attribute', { ...LEAD, attributes: { LastName: 'A' } }, bearer(limited)],
    ['an attribute in another case', { ...LEAD, attributes: { lastNAME: 'A' } }, bearer(limited)],
    ['the lead back', { ...LEAD, returnLead: true }, bearer(limited)],
    ['a workspace', { ...LEAD, workspace: 'Europe' }, bearer(limited)],
    ['an id, from a page', { id: 1 }, page],
    ['the lead back, from a page', { ...LEAD, returnLead: true }, page],
    ['an attribute, from a page', { ...LEAD, attributes: { LeadScore: 1 } }, page],
    ['a page of another origin', LEAD, { ...page, origin: 'https://evil.example' }],
    ['a page without an origin', LEAD, bearer(publishable)],
    ['a secret key in a page', LEAD, { ...bearer(full), origin: 'https://evil.example' }],
    ['a token without scopes', LEAD, bearer(tokenWith(''))],
    ['a token of ids', { id: 1 }, bearer(tokenWith('leads:write'))],
    ['a token of attributes', { ...LEAD, attributes: { FirstName: 'A' } }, bearer(tokenWith('leads:write'))],
  ]) {
    rows.push([what, (await putLead(url, lead, headers)).status]);
  }
  rows.push(['metrics', (await send(url, '/metrics', { headers: bearer(limited) })).status]);
  expectAll(rows, ([, status]) => status === 403);
  return `${rows.length} requests`;
}

const tokenWith = (scope) =>
  signToken(JSON.stringify({ alg: 'RS256', kid: 'one' }), JSON.stringify({ ...claims(), scope }));

async function enumerate({ url, keys: { publishable } }) {
  const headers = { ...bearer(publishable), origin: ORIGIN };
  const known = `known-${Date.now()}@example.com`;
  await putLead(url, { email: known }, headers);
  const answers = [known, `new-${Date.now()}@example.com`].map((email) => putLead(url, { email }, headers));
  const shapes = (await Promise.all(answers)).map((answer) =>
    [answer.status, answer.text, Object.keys(answer.headers).join()].join(' '),
  );
  if (shapes[0] !== shapes[1]) throw new Error(`${shapes[0]} and ${shapes[1]}`);
  return shapes[0].slice(0, 30);
}

const USER = 65_534;
const GROUP = 12_345;

async function revokeAsRoot() {
  if (process.getuid?.() !== 0) return { skip: 'needs root' };
  const file = writeKeyFile([
    { name: 'kept', key: newKey(), kind: 'secret' },
    { name: 'lost', key: newKey(), kind: 'secret' },
  ]);
  chownSync(file, USER, GROUP);
  chmodSync(file, 0o640);
  const { status, stderr } = spawnSync(
    process.execPath,
    ['dist/main.js', 'keys', 'revoke', '--name', 'lost', '--file', file],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  const { mode, uid, gid } = statSync(file);
  if (!readFileSync(file, 'utf8').includes('revokedAt')) throw new Error('nothing was revoked');
  if ((mode & 0o777) !== 0o640 || uid !== USER || gid !== GROUP)
    throw new Error(`became ${(mode & 0o777).toString(8)} ${uid}:${gid}`);
  return 'keeps 0640 and its owner';
}

export const ACCESS_ATTACKS = [
  { name: 'keys: guesses are refused, all with the same words', outside: true, run: guessKeys },
  { name: 'keys: a key in the URL is not read', outside: true, needsKey: true, run: hideKeysInUrls },
  { name: 'keys: contradictory credentials are refused', outside: true, needsKey: true, run: contradict },
  { name: 'keys: guessing is limited by address', run: guessOften },
  { name: 'no keys: DNS rebinding and pages of other origins are refused', run: rebind },
  { name: 'keys: metrics need a key, or a port of their own', outside: true, run: readMetrics },
  { name: 'keys: revoking one keeps mode and owner of the file', run: revokeAsRoot },
  { name: 'tokens: tricks of headers, claims and signatures are refused', run: tokenTricks },
  { name: 'tokens: made-up ones are refused', outside: true, run: madeUpTokens },
  { name: 'tokens: no address that a token names is fetched', run: fetchElsewhere },
  {
    name: 'tokens: known keys work while the issuer is away, and made-up tokens cause no flood of fetches',
    run: issuerAway,
  },
  { name: 'permissions: what is not granted is refused', run: overstep },
  { name: 'enumeration: a page does not learn who is known', waits: true, run: enumerate },
];
