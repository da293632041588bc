import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { keysText } from '../support/gateway.ts';
import { runCommand } from '../support/process.ts';
import { TEST_KEYS } from '../support/recordings.ts';

const fixture = (name: string) =>
  fileURLToPath(new URL(`../http/post-lead/fixtures/${name}`, import.meta.url));

const KEY = {
  name: 'hook',
  key: TEST_KEYS.webhook,
  kind: 'webhook',
  attributes: ['FirstName'],
  map: { email: '/rawRequest/q4_email', attributes: { FirstName: '/rawRequest/q3_name/first' } },
  signature: { scheme: 'stripe', secretFile: '/nowhere' },
};

function tryBody(file: string, entry: object = {}, more: readonly string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'lead-gateway-map-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const keys = join(folder, 'keys.json');
  writeFileSync(keys, keysText([{ ...KEY, ...entry }]));
  const body = file.startsWith('/') ? file : join(folder, 'body');
  if (body !== file) writeFileSync(body, file);
  return runCommand(['map', '--try', body, '--keys-file', keys, '--key-name', 'hook', ...more], {});
}

test('map shows the lead that a recorded body becomes, whatever its type', async () => {
  const lead = { email: 'jane@example.com', attributes: { FirstName: 'Jane' } };
  const { stdout, stderr, exitCode } = await tryBody(fixture('jotform.multipart'));
  expect([JSON.parse(stdout), exitCode]).toEqual([lead, 0]);
  expect(stderr).toBe('The key hook may write this lead.\n');
  const json = '{"rawRequest":{"q4_email":"jane@example.com","q3_name":{"first":"Jane"}}}';
  expect(JSON.parse((await tryBody(json)).stdout)).toEqual(lead);
  const form = `rawRequest=${encodeURIComponent(JSON.stringify((JSON.parse(json) as { rawRequest: unknown }).rawRequest))}`;
  expect(JSON.parse((await tryBody(form)).stdout)).toEqual(lead);
  const typed = await tryBody(form, {}, ['--type', 'application/x-www-form-urlencoded']);
  expect(JSON.parse(typed.stdout)).toEqual(lead);
});

test('map says why a body would be refused, with pointers into it', async () => {
  const refused = await tryBody('{"rawRequest":{"q4_email":"jane","q3_name":{"first":["Jane"]}}}');
  expect([refused.exitCode, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toContain('#/rawRequest/q3_name/first is a list');
  const invalid = await tryBody('{"rawRequest":{"q4_email":"jane"}}');
  expect(invalid.stderr).toContain('#/rawRequest/q4_email must be an email address');
  expect(invalid.stderr).toContain('  FirstName: nothing at /rawRequest/q3_name/first');
  const forbidden = await tryBody('{"email":"jane@example.com","attributes":{"Phone":"1"}}', {
    map: undefined,
  });
  expect([forbidden.exitCode, forbidden.stderr]).toEqual([
    1,
    expect.stringContaining('#/attributes/Phone needs'),
  ]);
  expect(forbidden.stderr).toContain('The key hook has no map: the body is read as the lead itself.');
});

test.each<[args: readonly string[], exitCode: number, message: string]>([
  [['map', '--key-name', 'x'], 64, '--try is required'],
  [['map', '--try', 'x'], 64, '--key-name is required'],
  [['map', '--try', 'x', '--key-name', 'x'], 64, '--keys-file FILE or in API_KEYS_FILE'],
  [['map', '--try', '/nowhere', '--key-name', 'x', '--keys-file', '/nowhere'], 78, '"/nowhere" '],
])('%j is refused', async (args, exitCode, message) => {
  const result = await runCommand(args, {});
  expect([result.exitCode, result.stderr]).toEqual([exitCode, expect.stringContaining(message)]);
});
