import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { editKeyFile } from '../../src/access/edit-key-file.ts';
import { bearer, keysText, SECRET, startTestGateway } from '../support/gateway.ts';
import { runCommand, runMain } from '../support/process.ts';
import { TEST_KEYS } from '../support/recordings.ts';
import { EXHAUSTIVE, describeEvery, testEvery } from '../support/exhaustive.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const isRoot = process.getuid?.() === 0;
/** Of no one who is logged in; the system need not know them. */
const USER = 65_534;
const GROUP = 12_345;

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lead-gateway-keys-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  return folder;
}

function newFile(mode: number, uid?: number, gid?: number): string {
  const path = join(newFolder(), 'keys.json');
  writeFileSync(path, keysText([SECRET, { ...SECRET, name: 'lost', key: TEST_KEYS.other }]));
  if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid);
  chmodSync(path, mode);
  return path;
}

const accessOf = (path: string) => {
  const { mode, uid, gid } = statSync(path);
  return [(mode & 0o7777).toString(8), uid, gid];
};
const keys = async (...args: string[]) => (await runCommand(['keys', ...args])).exitCode;

const COMMANDS: readonly (readonly [string, readonly string[]])[] = [
  ['revoke', ['revoke', '--name', 'lost']],
  ['create', ['create', '--name', 'more']],
];

describeEvery(3, COMMANDS)('keys %s', (_command, args) => {
  testEvery(3, [0o640, 0o644, 0o600, 0o660, 0o440])('keeps the mode %o', async (mode) => {
    const file = newFile(mode);
    const before = accessOf(file);
    expect(await keys(...args, '--file', file)).toBe(0);
    expect(accessOf(file)).toEqual(before);
    expect(readFileSync(file, 'utf8')).toMatch(/revokedAt|more/);
  });

  test.runIf(isRoot)('keeps owner and group when root edits the file of another user', async () => {
    for (const [uid, gid] of [
      [0, GROUP],
      [USER, GROUP],
    ] as const) {
      const file = newFile(0o640, uid, gid);
      expect(await keys(...args, '--file', file)).toBe(0);
      expect(accessOf(file)).toEqual(['640', uid, gid]);
    }
  });

  test('follows links, through folders as Kubernetes lays them out, and keeps them', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, '..2026'));
    const target = join(folder, '..2026', 'keys.json');
    renameSync(newFile(0o640), target);
    symlinkSync('..2026', join(folder, '..data'));
    const file = join(folder, 'keys.json');
    symlinkSync('..data/keys.json', file);
    expect(await keys(...args, '--file', file)).toBe(0);
    expect(lstatSync(file).isSymbolicLink() && lstatSync(join(folder, '..data')).isSymbolicLink()).toBe(true);
    expect(accessOf(target)[0]).toBe('640');
    expect(readFileSync(target, 'utf8')).toMatch(/revokedAt|more/);
    expect(readdirSync(folder).toSorted()).toEqual(['..2026', '..data', 'keys.json']);
  });
});

test('a link to nothing is not replaced by a file', async () => {
  const file = join(newFolder(), 'keys.json');
  symlinkSync('missing.json', file);
  expect(await keys('create', '--name', 'more', '--file', file)).toBe(78);
  expect(lstatSync(file).isSymbolicLink()).toBe(true);
});

test('a member that stands twice in an entry is a mistake, for only one of them would count', () => {
  const file = newFile(0o600);
  const text = readFileSync(file, 'utf8').replace(
    '"name":"lost"',
    '"name":"lost","enabled":false,"enabled":true',
  );
  writeFileSync(file, text);
  expect(editKeyFile(file, { mayCreate: false }, () => undefined)).toEqual({
    ok: false,
    fault: 'file',
    mistakes: ['the file has the member enabled twice in one object'],
  });
});

/** What an edit by a user without rights gives: loaded as root, for the folder of this program may be closed to others. */
function editAsOther(file: string): { ok: boolean; mistakes?: string[] } {
  const program = `
    const { editKeyFile } = await import('./dist/access/edit-key-file.js');
    process.setgroups([]);
    process.setgid(${USER});
    process.setuid(${USER});
    const revoke = (entries) => void (entries[1].revokedAt = '2030-01-01T00:00:00Z');
    console.log(JSON.stringify(editKeyFile(process.argv[1], { mayCreate: false }, revoke)));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program, file], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as { ok: boolean; mistakes?: string[] };
}

describe.runIf(isRoot)('a user who may not give files away', () => {
  testEvery<[string, number, number, number, RegExp]>(3, [
    ['of another owner', 0o644, 0, 0, /belongs to user 0 and group 0, .* as root/],
    ['of a group they are not in', 0o644, USER, GROUP, /belongs to user 65534 and group 12345/],
    ['that they may not read', 0o640, 0, GROUP, /may not be read by this user/],
  ])('cannot edit a file %s, and nothing changes', (_what, mode, uid, gid, reason) => {
    const file = newFile(mode, uid, gid);
    chmodSync(join(file, '..'), 0o777);
    const before = [accessOf(file), readFileSync(file, 'utf8')];
    const { ok, mistakes } = editAsOther(file);
    expect([ok, mistakes]).toEqual([false, [expect.stringMatching(reason)]]);
    expect([accessOf(file), readFileSync(file, 'utf8')]).toEqual(before);
    expect(readdirSync(join(file, '..'))).toEqual(['keys.json']);
  });

  test('cannot edit a file in a folder that they may not write, and reads which one', EXHAUSTIVE, () => {
    const file = newFile(0o644, USER, USER);
    expect(editAsOther(file)).toMatchObject({
      ok: false,
      mistakes: [expect.stringMatching(/^the folder .* may not be written/)],
    });
  });

  test('edits a file of their own', () => {
    const file = newFile(0o640, USER, USER);
    chownSync(join(file, '..'), USER, USER);
    expect(editAsOther(file)).toEqual({ ok: true });
    expect(accessOf(file)).toEqual(['640', USER, USER]);
  });
});

/** Whether another user may run the program where it is. */
const canRunAsOther =
  isRoot &&
  spawnSync(process.execPath, ['dist/main.js', '--version'], { cwd: ROOT, uid: USER, gid: GROUP }).status ===
    0;

describe.runIf(canRunAsOther)('a gateway that runs as another user', () => {
  const start = async (file: string) => {
    const env = { PORT: '0', SANDBOX_PORT: '0', API_KEYS_FILE: file, LOG_LEVEL: 'error' };
    const run = runMain(['serve'], env, { uid: USER, gid: GROUP });
    const [, url = ''] = await run.waitFor(/listens on (http:\S+)/);
    const get = async (path: string, key: string) => {
      const response = await fetch(url + path, { headers: bearer(key) });
      return { status: response.status, text: await response.text() };
    };
    return { run, get };
  };

  test('sees a revocation by root in a file of mode 0640 that its group may read', EXHAUSTIVE, async () => {
    const file = newFile(0o640, 0, GROUP);
    const { get } = await start(file);
    expect((await get('/metrics', TEST_KEYS.other)).status).toBe(200);
    expect(await keys('revoke', '--name', 'lost', '--file', file)).toBe(0);
    await vi.waitFor(async () => expect((await get('/metrics', TEST_KEYS.other)).status).toBe(401), 20_000);
    expect((await get('/metrics', SECRET.key)).status).toBe(200);
  });

  test(
    'says at /readyz, in the log and in a metric that it may not read the file, once',
    EXHAUSTIVE,
    async () => {
      const file = newFile(0o640, 0, GROUP);
      const { run, get } = await start(file);
      const ready = async () => JSON.parse((await get('/readyz', SECRET.key)).text) as object;
      expect(await ready()).toEqual({ status: 'ready' });
      chmodSync(file, 0o600);
      await vi.waitFor(async () => expect(await ready()).toHaveProperty('warnings'), 20_000);
      expect(await ready()).toEqual({
        status: 'ready',
        warnings: [
          'API_KEYS_FILE may not be read by the user of this process (EACCES); the previous keys stay in use, also those that were revoked since',
        ],
      });
      const { text } = await get('/metrics', SECRET.key);
      expect(text).toMatch(/^lead_gateway_key_file_unusable 1$/m);
      for (let look = 0; look < 3; look += 1) {
        // Another file in the folder makes it look again.
        writeFileSync(join(file, '..', `other-${look}`), '');
        await new Promise((resolve) => {
          setTimeout(resolve, 100);
        });
      }
      chmodSync(file, 0o640);
      await vi.waitFor(async () => expect(await ready()).toEqual({ status: 'ready' }), 20_000);
      expect(run.output().stdout.match(/the changed key file cannot be used/g)).toHaveLength(1);
    },
  );
});

test('a gateway notices a file that is changed behind links, as Kubernetes changes it', async () => {
  const folder = newFolder();
  const publish = (name: string, text: string) => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'keys.json'), text);
    symlinkSync(name, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  publish('..2026_01', keysText([SECRET]));
  symlinkSync('..data/keys.json', join(folder, 'keys.json'));
  const gateway = await startTestGateway({ API_KEYS_FILE: join(folder, 'keys.json') });
  const status = async () =>
    (await gateway.request('GET', '/metrics', { headers: bearer(SECRET.key) })).status;
  expect(await status()).toBe(200);
  publish('..2026_02', keysText([{ ...SECRET, key: TEST_KEYS.other }]));
  await vi.waitFor(async () => expect(await status()).toBe(401), 20_000);
});
