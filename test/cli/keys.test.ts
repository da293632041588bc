import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { hashKey, isKey } from '../../src/access/api-key.ts';
import { runCommand, runMain } from '../support/process.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

type Result = { code: number; stdout: string; stderr: string };

async function keys(...args: string[]): Promise<Result> {
  const { exitCode, stdout, stderr } = await runCommand(['keys', ...args]);
  return { code: Number(exitCode), stdout, stderr };
}

/** The same in a process of its own. Not with runMain, which keeps output for the leak watch: a key is printed, once. */
function keysProcess(...args: string[]): Promise<Result> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['dist/main.js', 'keys', ...args],
      { cwd: ROOT, env: {} },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
  });
}

function newFile(text?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'lead-gateway-keys-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'keys.json');
  if (text !== undefined) writeFileSync(path, text);
  return path;
}

const entriesOf = (path: string) =>
  (JSON.parse(readFileSync(path, 'utf8')) as { keys: Record<string, unknown>[] }).keys;

describe('keys create', () => {
  test('prints the key once and keeps its hash, in a file for its owner alone', async () => {
    const file = newFile();
    const { code, stdout, stderr } = await keysProcess('create', '--file', file, '--name', 'crm');
    const key = stdout.trim();
    expect([code, isKey(key), key.startsWith('lgs_')]).toEqual([0, true, true]);
    expect(stderr).toBe('The key crm, shown only this once:\n');
    expect(entriesOf(file)).toEqual([
      { name: 'crm', hash: hashKey(key), kind: 'secret', workspaces: ['*'], attributes: ['*'] },
    ]);
    expect(readFileSync(file, 'utf8')).not.toContain(key);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('writes down every permission that is given', async () => {
    const file = newFile();
    const options = {
      '--origins': 'https://a.example,https://b.example',
      '--attributes': 'FirstName,Comp*',
      '--default-workspace': 'Europe',
      '--expires-at': '2040-01-01T00:00:00Z',
      '--requests-per-second': '5',
      '--burst': '20',
      '--requests-per-day': '1000',
    };
    const args = ['--file', file, '--name', 'web', '--publishable', ...Object.entries(options).flat()];
    const { code, stdout } = await keys('create', ...args);
    expect([code, stdout.startsWith('lgp_')]).toEqual([0, true]);
    expect(entriesOf(file)).toEqual([
      {
        name: 'web',
        hash: hashKey(stdout.trim()),
        kind: 'publishable',
        expiresAt: '2040-01-01T00:00:00Z',
        origins: ['https://a.example', 'https://b.example'],
        defaultWorkspace: 'Europe',
        attributes: ['FirstName', 'Comp*'],
        rateLimit: { requestsPerSecond: 5, burst: 20, requestsPerDay: 1000 },
      },
    ]);
  });

  test(
    'makes keys of webhooks and of forms, with where the secret is and never the secret',
    EXHAUSTIVE,
    async () => {
      const file = newFile();
      const hook = [
        '--signature',
        'stripe',
        '--secret-file',
        '/run/secrets/stripe',
        '--attributes',
        'LastName',
      ];
      const made = await keysProcess('create', '--file', file, '--name', 'hook', '--webhook', ...hook);
      expect([made.code, made.stdout.startsWith('lgw_')]).toEqual([0, true]);
      const pages = ['--success-url', 'https://a.example/ok', '--error-url', 'https://a.example/no'];
      const web = ['--publishable', '--origins', 'https://a.example', '--honeypot', 'nickname', ...pages];
      expect((await keysProcess('create', '--file', file, '--name', 'web', ...web)).code).toBe(0);
      expect(entriesOf(file)).toMatchObject([
        { kind: 'webhook', signature: { scheme: 'stripe', secretFile: '/run/secrets/stripe' } },
        { kind: 'publishable', successUrl: 'https://a.example/ok', honeypot: 'nickname' },
      ]);
      const both = await keys('create', '--file', file, '--name', 'x', '--webhook', '--publishable');
      expect([both.code, both.stderr]).toEqual([64, expect.stringContaining('not for both')]);
      const shop = ['--publishable', '--origins', 'https://a.example', '--success-url', 'http://a.example'];
      const plain = await keys('create', '--file', file, '--name', 'x', ...shop);
      expect([plain.code, plain.stderr]).toEqual([
        64,
        expect.stringContaining('successUrl must be an absolute https:'),
      ]);
    },
  );

  test('says of a publishable key without attributes what it cannot write, and which option is for that', async () => {
    const file = newFile();
    const web = ['--file', file, '--publishable', '--origins', 'https://a.example'];
    const { code, stdout, stderr } = await keys('create', ...web, '--name', 'web');
    expect([code, isKey(stdout.trim())]).toEqual([0, true]);
    expect(stderr).toMatch(/^The key web may not write any attributes: .*--attributes .*$/m);
    const other = await keys('create', ...web, '--name', 'more', '--attributes', 'FirstName');
    expect(other.stderr).not.toContain('any attributes');
  });

  test('leaves what is in the file, and its indentation, alone', async () => {
    const text = '{\n\t"keys": [\n\t\t{ "kind": "secret", "name": "old", "hash": "HASH" }\n\t]\n}\n';
    const file = newFile(text.replace('HASH', 'ab'.repeat(32)));
    await keys(
      'create',
      '--file',
      file,
      '--name',
      'new',
      '--return-lead',
      '--by-id',
      '--by-foreign-id',
      '--metrics',
      '--outbox',
    );
    const [old, added] = entriesOf(file);
    expect(Object.keys(old ?? {})).toEqual(['kind', 'name', 'hash']);
    expect(added).toMatchObject({
      returnLead: true,
      byId: true,
      byForeignId: true,
      metrics: true,
      outbox: true,
    });
    expect(readFileSync(file, 'utf8')).toMatch(/^\{\n\t"keys": \[\n\t\t\{\n/);
  });

  test.each<[string, string[], RegExp]>([
    ['no file', ['create', '--name', 'a'], /--file FILE or in API_KEYS_FILE/],
    ['no name', ['create', '--file', 'FILE'], /--name is required/],
    ['an unknown action', ['make', '--file', 'FILE'], /"keys make" is not a command/],
    ['an unknown option', ['create', '--loud'], /--loud/],
    ['a name twice', ['create', '--file', 'FILE', '--name', 'crm'], /name is also that of another key/],
    ['a page nowhere', ['create', '--file', 'FILE', '--name', 'web', '--publishable'], /origins is needed/],
    [
      'a limit in words',
      ['create', '--file', 'FILE', '--name', 'x', '--requests-per-day', 'many'],
      /requestsPerDay must be/,
    ],
    ['an unknown key', ['revoke', '--file', 'FILE', '--name', 'missing'], /the file has no key missing/],
  ])('%s is a mistake, and the file stays as it is', async (_what, args, complaint) => {
    const file = newFile(`{"keys":[{"name":"crm","kind":"secret","hash":"${'ab'.repeat(32)}"}]}`);
    const before = readFileSync(file, 'utf8');
    const { code, stdout, stderr } = await keys(...args.map((arg) => (arg === 'FILE' ? file : arg)));
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toMatch(complaint);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  test.each(['{', '{"keys":[{"name":"a"}]}'])('does not touch a file that is not valid: %s', async (text) => {
    const file = newFile(text);
    const { code, stdout, stderr } = await keys('create', '--file', file, '--name', 'crm');
    expect([code, stdout]).toEqual([78, '']);
    expect(stderr).toMatch(/^The key file cannot be used:\n/);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  test('by two at once loses neither: one of them is told to wait', EXHAUSTIVE, async () => {
    const file = newFile('{"keys":[]}');
    const results = await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => keysProcess('create', '--file', file, '--name', name)),
    );
    const made = results.filter(({ code }) => code === 0).length;
    expect(made).toBeGreaterThan(0);
    expect(entriesOf(file)).toHaveLength(made);
    for (const { code, stderr } of results)
      if (code !== 0) expect(stderr).toContain('another edit is in progress');
  });
});

describe('keys list and keys revoke', () => {
  test('show the state of every key, without its hash', async () => {
    const file = newFile();
    await keys('create', '--file', file, '--name', 'crm');
    await keys('create', '--file', file, '--name', 'past', '--expires-at', '2020-01-01T00:00:00Z');
    await keys('create', '--file', file, '--name', 'lost');
    const revoked = await keys('revoke', '--file', file, '--name', 'lost');
    expect(revoked.code).toBe(0);
    const { code, stdout } = await keys('list', '--file', file);
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/).slice(0, 4))).toEqual([
      ['NAME', 'KIND', 'STATE', 'EXPIRES'],
      ['crm', 'secret', 'usable', '-'],
      ['past', 'secret', 'expired', '2020-01-01T00:00:00Z'],
      ['lost', 'secret', 'revoked', '-'],
      [''],
    ]);
    expect(stdout).not.toMatch(/[0-9a-f]{64}/);
  });

  test('show in short what every key may do', async () => {
    const file = newFile();
    await keys(
      'create',
      '--file',
      file,
      '--name',
      'crm',
      '--by-id',
      '--return-lead',
      '--requests-per-day',
      '9',
    );
    const web = [
      '--name',
      'web',
      '--publishable',
      '--origins',
      'https://a.example',
      '--attributes',
      'A,B,C,D,E',
    ];
    await keys('create', '--file', file, ...web, '--requests-per-second', '5', '--burst', '10');
    const { stdout } = await keys('list', '--file', file);
    const rows = stdout.trimEnd().split('\n');
    expect(rows.map((row) => row.split(/ {2,}/))).toEqual([
      'NAME|KIND|STATE|EXPIRES|ATTRIBUTES|WORKSPACES|DEFAULT WORKSPACE|ORIGINS|MAY|LIMITS'.split('|'),
      ['crm', 'secret', 'usable', '-', '*', '*', '-', '-', 'return-lead,by-id', '9/day'],
      ['web', 'publishable', 'usable', '-', 'A,B,C,+2', '-', '-', 'https://a.example', '-', '5/s burst 10'],
    ]);
  });

  test('tell how a permission is changed, and a change of an entry counts at once', async () => {
    for (const command of ['create', 'list']) {
      const { stdout } = await keys(command, '--help');
      expect(stdout).toMatch(/edit its entry in the file; a running gateway notices/);
      expect(stdout).toMatch(/--by-foreign-id.*"byForeignId"/);
    }
  });

  test('say which option a name belongs to', async () => {
    for (const command of ['revoke', 'create']) {
      const { code, stderr } = await keys(command, 'crm');
      expect([code, stderr]).toEqual([64, expect.stringContaining('did you mean --name crm?')]);
    }
    expect((await keys('list', './keys.json')).stderr).toContain('did you mean --file ./keys.json?');
  });

  test(
    'a key works in a running gateway as soon as it is made, and not after it is revoked',
    EXHAUSTIVE,
    async () => {
      const file = newFile('{"keys":[]}');
      const run = runMain(['serve'], { PORT: '0', SANDBOX_PORT: '0', HOST: '0.0.0.0', API_KEYS_FILE: file });
      const [, url] = await run.waitFor(/listens on (http:\S+)/);
      const status = async (key: string) => {
        const answer = await fetch(`${url}/leads`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
          body: '{"email":"a@b.c"}',
        });
        return answer.status;
      };
      const key = (await keys('create', '--file', file, '--name', 'crm')).stdout.trim();
      await expect.poll(() => status(key)).toBeLessThan(300);
      await keys('revoke', '--file', file, '--name', 'crm');
      await expect.poll(() => status(key)).toBe(401);
      run.child.kill('SIGTERM');
      expect(await run.ended).toBe(0);
      expect(run.output().stdout).not.toContain(hashKey(key));
      expect(run.output().stdout).toContain('"caller":"crm"');
    },
  );
});

test('a mistake in the key file ends the start with 78 and its path', async () => {
  const file = newFile('{"keys":[{"name":"crm","kind":"secret"}]}');
  const run = runMain(['serve'], { API_KEYS_FILE: file });
  expect(await run.ended).toBe(78);
  expect(run.output().stderr).toContain('  API_KEYS_FILE: keys[0].hash is needed: the SHA-256 of the key\n');
});
