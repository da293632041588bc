import { expect, test } from 'vitest';
import { withClaims } from '../../../checks/security/token-attacks.mjs';
import { readKeyFile } from '../../../src/access/key-file.ts';
import { GatewayError } from '../../../src/leads/errors.ts';
import type { UpsertLead } from '../../../src/leads/lead.ts';
import { directoryThat, startApp, testAccess } from '../../support/app.ts';
import { type BatchResult, openLines } from '../../support/batch.ts';
import {
  bearer,
  type Entry,
  keysText,
  ORIGIN,
  SECRET,
  startKeyedGateway,
  startTestGateway,
} from '../../support/gateway.ts';
import { startIssuer } from '../../support/issuer.ts';
import { outboxFile } from '../../support/outbox.ts';
import { TEST_KEYS } from '../../support/recordings.ts';
import { startTestSandbox } from '../../support/sandbox.ts';

const NOW = Date.parse('2030-01-01T00:00:00Z');
const OTHER: Entry = { ...SECRET, name: 'other', key: TEST_KEYS.other };

const person = (name: string, attributes: Record<string, string> = {}) => ({
  email: `${name}@example.com`,
  attributes,
});
const outcomes = (results: readonly BatchResult[]) => results.map(({ index, status }) => [index, status]);

/** A gateway with a sandbox, and a stream by the key `entry`. */
async function startStream(entry: Entry, env: Readonly<Record<string, string>> = {}) {
  const sandbox = await startTestSandbox();
  const clock = { nowMs: NOW };
  const gateway = await startKeyedGateway([entry], { ...sandbox.env, ...env }, { now: () => clock.nowMs });
  /** Replaces the file, and waits until it has been read. */
  const change = async (entries: readonly Entry[]) => {
    gateway.file.replace([...entries, OTHER]);
    const status = async () =>
      (await gateway.request('GET', '/metrics', { headers: bearer(OTHER.key) })).status;
    await expect.poll(status, { timeout: 20_000 }).toBe(200);
  };
  const emails = async () => (await sandbox.leads()).map(({ email }) => email);
  return { gateway, sandbox, clock, change, emails };
}

test.each<[string, readonly Entry[], string]>([
  ['is revoked', [{ ...SECRET, revokedAt: '2029-12-31T00:00:00Z' }], 'revoked'],
  ['is turned off', [{ ...SECRET, enabled: false }], 'disabled'],
  ['is gone', [], 'unknown'],
  [
    'becomes one of another kind',
    [{ name: SECRET.name, key: SECRET.key, kind: 'publishable', origins: [ORIGIN], attributes: ['*Name'] }],
    'unknown',
  ],
])('a stream ends with 401 at the next lead when its key %s', async (_what, entries, refusal) => {
  const { gateway, change, emails } = await startStream(SECRET);
  const stream = await openLines(gateway.url, bearer(SECRET.key));
  stream.write(person('before'));
  await stream.received(1);
  await change(entries);
  stream.write(person('after'));
  stream.write(person('later'));
  await stream.ended();
  expect(outcomes(stream.results())).toEqual([
    [0, 201],
    [1, 401],
  ]);
  expect(stream.results()[1]?.problem).toMatchObject({
    type: expect.stringMatching(/\/problems\/unauthorized$/),
    retryable: false,
  });
  expect(await emails()).toEqual(['before@example.com']);
  await gateway.close();
  expect(gateway.logs.join('')).toContain(`"refusal":"${refusal}"`);
});

test('a stream ends with 401 when its key expires', async () => {
  const { gateway, clock, emails } = await startStream({
    ...SECRET,
    expiresAt: new Date(NOW + 1).toISOString(),
  });
  const stream = await openLines(gateway.url, bearer(SECRET.key));
  stream.write(person('before'));
  await stream.received(1);
  clock.nowMs += 1;
  stream.write(person('after'));
  await stream.ended();
  expect(outcomes(stream.results())).toEqual([
    [0, 201],
    [1, 401],
  ]);
  expect(await emails()).toEqual(['before@example.com']);
});

test('a stream ends with 401 when its token expires', async () => {
  const issuer = await startIssuer();
  let nowMs = NOW;
  const gateway = await startTestGateway(
    {
      JWT_ISSUER: issuer.settings.issuer,
      JWT_AUDIENCE: issuer.settings.audience,
      JWT_JWKS_URL: issuer.url,
    },
    { now: () => nowMs },
  );
  const token = withClaims({ exp: NOW / 1000 + 60 });
  const stream = await openLines(gateway.url, bearer(token));
  stream.write(person('before'));
  await stream.received(1);
  // The tolerance for clocks counts as at the start.
  nowMs += 89_999;
  stream.write(person('between'));
  await stream.received(2);
  nowMs += 1;
  expect((await gateway.putLead(person('single'), { headers: bearer(token) })).status).toBe(401);
  stream.write(person('after'));
  await stream.ended();
  expect(outcomes(stream.results())).toEqual([
    [0, 201],
    [1, 201],
    [2, 401],
  ]);
});

test('lines follow the permissions that the key has when they come', async () => {
  const { gateway, sandbox, change } = await startStream({ ...SECRET, attributes: ['FirstName'] });
  const stream = await openLines(gateway.url, bearer(SECRET.key));
  stream.write(person('a', { FirstName: 'A' }));
  stream.write(person('b', { LastName: 'B' }));
  await stream.received(2);
  await change([{ ...SECRET, attributes: ['LastName'] }]);
  stream.write(person('c', { FirstName: 'C' }));
  stream.write(person('d', { LastName: 'D' }));
  stream.end();
  await stream.ended();
  expect(outcomes(stream.results())).toEqual([
    [0, 201],
    [1, 403],
    [2, 403],
    [3, 201],
  ]);
  const stored = (await sandbox.leads()).map(({ email, attributes }) => [email, attributes]);
  expect(stored).toEqual([
    ['a@example.com', { FirstName: 'A' }],
    ['d@example.com', { LastName: 'D' }],
  ]);
});

test('of an accepted stream whose key is revoked, nothing more is kept, and the answer is 401', async () => {
  const { gateway, change, emails } = await startStream(SECRET, { OUTBOX_URL: `file:${outboxFile()}` });
  const stream = await openLines(gateway.url, { ...bearer(SECRET.key), prefer: 'respond-async' });
  for (let at = 0; at < 1000; at += 1) stream.write(person(`p${at}`));
  // They are one part, and are delivered while the stream lasts.
  await expect.poll(async () => (await emails()).length, { timeout: 20_000 }).toBe(1000);
  await change([]);
  stream.write(person('after'));
  expect((await stream.responded).statusCode).toBe(401);
  await gateway.close();
  expect(await emails()).not.toContain('after@example.com');
});

/** A stream whose second lead waits for room, by a key whose entry the test changes. */
async function startHeld() {
  const keyringOf = (entries: readonly Entry[]) => {
    const read = readKeyFile(keysText(entries));
    if (!read.ok) throw new Error(read.mistakes.join('\n'));
    return read.keyring;
  };
  const state = { keyring: keyringOf([SECRET]), hasRoom: true, refused: 0 };
  const taken: UpsertLead[] = [];
  const noRoom = new GatewayError('upstream-busy', { detail: 'no room' });
  const { url } = await startApp({
    access: testAccess({ keys: { keyring: () => state.keyring } }),
    directory: directoryThat((command, { onNoRoom }) => {
      if (!state.hasRoom) {
        state.refused += 1;
        onNoRoom?.(noRoom);
        throw noRoom;
      }
      taken.push(command);
      return { leadId: taken.length, status: 'CREATED' };
    }),
  });
  const stream = await openLines(url, bearer(SECRET.key));
  stream.write(person('a'));
  await stream.received(1);
  state.hasRoom = false;
  stream.write(person('b', { FirstName: 'B' }));
  await expect.poll(() => state.refused).toBeGreaterThan(0);
  const change = (entries: readonly Entry[]) => {
    state.keyring = keyringOf(entries);
    state.hasRoom = true;
  };
  return { stream, taken, change };
}

test('a lead that waits for room is not taken in when the key is revoked meanwhile', async () => {
  const { stream, taken, change } = await startHeld();
  change([OTHER]);
  await stream.ended();
  expect(outcomes(stream.results())).toEqual([
    [0, 201],
    [1, 401],
  ]);
  expect(taken).toHaveLength(1);
});

test('a lead that waits for room follows the permissions it meets', async () => {
  const { stream, taken, change } = await startHeld();
  change([{ ...SECRET, attributes: ['LastName'] }]);
  stream.write(person('c', { LastName: 'C' }));
  stream.end();
  await stream.ended();
  expect(outcomes(stream.results())).toEqual([
    [0, 201],
    [1, 403],
    [2, 201],
  ]);
  expect(taken.map(({ email }) => email)).toEqual(['a@example.com', 'c@example.com']);
});
