import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { keysText, SECRET } from '../support/gateway.ts';
import { QUIET, runCommand, runMain } from '../support/process.ts';
import { EXHAUSTIVE, testEvery } from '../support/exhaustive.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const KEY = 'a-secret-key-for-tests';
const MARKETO = {
  MARKETO_SOAP_ENDPOINT: 'https://123-abc-456.mktoapi.com/soap/mktows/2_9',
  MARKETO_USER_ID: 'demo17_1',
  MARKETO_ENCRYPTION_KEY: KEY,
};

function folder(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const path = mkdtempSync(join(tmpdir(), 'lead-gateway-cli-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content);
  return path;
}

describe('help', () => {
  testEvery(3, [
    [['serve', '--help'], 'Usage: lead-gateway serve', '--env-file FILE'],
    [['help', 'serve'], 'Usage: lead-gateway serve', '--env-file FILE'],
    [['openapi', '-h'], 'Usage: lead-gateway openapi', '--server URL'],
    [['keys', 'create', '--help'], 'Usage: lead-gateway keys create', '--publishable'],
    [['help', 'keys', 'revoke'], 'Usage: lead-gateway keys revoke', '--name NAME'],
    [['keys', '--help'], 'Usage: lead-gateway keys', 'keys revoke'],
    [['help'], 'Usage: lead-gateway [command]', 'Exit codes'],
    [['-h'], 'Usage: lead-gateway [command]', 'check-config'],
  ])('%j says what it is for, on standard output', async (args, first, also) => {
    const { exitCode, stdout, stderr } = await runCommand(args);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout.startsWith(first)).toBe(true);
    expect(stdout).toContain(also);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThan(121);
  });

  test('of keys alone is printed, and nothing was done', async () => {
    const { exitCode, stdout } = await runCommand(['keys']);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('keys create');
  });

  test.each(['version', '--version', '-V'])('%s is answered', async (arg) => {
    expect((await runCommand([arg])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

testEvery<[string[], RegExp]>(3, [
  [['srve'], /"srve" is not a command; did you mean serve\?/],
  [['chek-config'], /did you mean check-config\?/],
  [['keys', 'lst'], /did you mean keys list\?/],
  [['create'], /did you mean keys create\?/],
  [['help', 'srve'], /did you mean serve\?/],
  [['fly'], /"fly" is not a command\./],
  [['serve', '--out', 'x'], /--out is not an option of serve\./],
  [['serve', '--env-fiel', 'x'], /Did you mean --env-file\?/],
  [['openapi', '--servr', 'x'], /Did you mean --server\?/],
  [['openapi', '--json'], /--json is not an option of openapi/],
  [['check-config', '--json=yes'], /takes no value/],
  [['check-config', '--env-file'], /--env-file needs a value: --env-file FILE/],
  [['keys', 'list', '--file', '--json'], /--file needs a value/],
  [['keys', 'list', '--file', 'a', '--file', 'b'], /given twice/],
  [['serve', 'now'], /unexpected argument now/],
  [['outbox', 'show', 'a', 'b'], /^unexpected argument b\.\nUsage: lead-gateway outbox show ID \[options\]/],
  [['outbox', 'retry', 'a', '--id', 'b'], /\nUsage: lead-gateway outbox retry \[ID\] \[options\]/],
])('%j is refused with 64 and words', async (args, words) => {
  const { exitCode, stdout, stderr } = await runCommand(args);
  expect([exitCode, stdout]).toEqual([64, '']);
  expect(stderr).toMatch(words);
  expect(stderr).toContain('Usage: lead-gateway');
});

describe('check-config', () => {
  test('shows every value in effect and where it comes from, secrets as set', async () => {
    const path = folder({ '.env': 'LOG_LEVEL=warn\n', key: `\uFEFF${KEY}\r\n` });
    const env = {
      ...MARKETO,
      MARKETO_ENCRYPTION_KEY: '',
      MARKETO_ENCRYPTION_KEY_FILE: join(path, 'key'),
      REDIS_URL: 'redis://:hunter2@127.0.0.1:6379',
    };
    const args = ['check-config', '--env-file', join(path, '.env')];
    const { exitCode, stdout, stderr } = await runCommand(args, env);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^PORT +8080 +default$/m);
    expect(stdout).toMatch(/^LOG_LEVEL +warn .*\.env$/m);
    expect(stdout).toMatch(/^MARKETO_ENCRYPTION_KEY +\(set\) .*key$/m);
    expect(stdout).toMatch(/^REDIS_URL +\(set\) +environment$/m);
    expect(stdout).toMatch(/^API_KEYS_FILE +- +default$/m);
    expect(stdout).not.toMatch(/hunter2|a-secret-key/);
    const json = JSON.parse((await runCommand([...args, '--json'], env)).stdout);
    expect(json).toMatchObject({ isValid: true, upstream: MARKETO.MARKETO_SOAP_ENDPOINT, mistakes: [] });
    expect(json.settings).toContainEqual({ name: 'PORT', value: '8080', source: 'default' });
  });

  test('reports mistakes as JSON, with 78', async () => {
    const { exitCode, stdout } = await runCommand(['check-config', '--json'], { PORT: '"8080"' });
    expect(exitCode).toBe(78);
    expect(JSON.parse(stdout)).toEqual({
      isValid: false,
      mistakes: [expect.stringMatching(/^PORT .*quotes/)],
    });
  });

  test.each([
    [{ HOST: '192.0.2.1' }, /HOST "192\.0\.2\.1" is not an address of this machine \(EADDRNOTAVAIL\)/],
    [{ HOST: 'no-such-host.invalid' }, /HOST "no-such-host\.invalid" cannot be looked up .*csh/],
    [{ SANDBOX_HOST: '192.0.2.1' }, /SANDBOX_HOST "192\.0\.2\.1" is not an address/],
  ])('%j is a mistake, not a start that fails', async (env, words) => {
    const { exitCode, stderr } = await runCommand(['check-config'], {
      ...env,
      ALLOW_UNAUTHENTICATED: 'true',
    });
    expect(exitCode).toBe(78);
    expect(stderr).toMatch(words);
  });

  test('an outbox whose file cannot be there is a mistake, as it is for a start; nothing is made', async () => {
    const path = folder({ file: '' });
    mkdirSync(join(path, 'outbox'));
    symlinkSync(join(path, 'gone', 'outbox.db'), join(path, 'link.db'));
    for (const [name, words] of [
      ['none/outbox.db', `OUTBOX_URL: the folder ${join(path, 'none')} does not exist`],
      ['link.db', `OUTBOX_URL: the folder ${join(path, 'gone')} does not exist`],
      ['file/outbox.db', 'goes through something that is not a folder'],
      ['outbox', `OUTBOX_URL: ${join(path, 'outbox')} is a folder`],
    ] as const) {
      const env = { OUTBOX_URL: `file:${join(path, name)}` };
      const checked = await runCommand(['check-config'], env);
      expect([checked.exitCode, checked.stderr]).toEqual([78, expect.stringContaining(words)]);
    }
    const none = { ...QUIET, OUTBOX_URL: `file:${join(path, 'none', 'outbox.db')}` };
    expect(await runMain(['serve'], none).ended).toBe(78);
    const env = { OUTBOX_URL: `file:${join(path, 'outbox', 'outbox.db')}` };
    expect((await runCommand(['check-config'], env)).exitCode).toBe(0);
    expect(readdirSync(join(path, 'outbox'))).toEqual([]);
  });

  test('shows the file of the outbox, and nothing of a database', async () => {
    const file = `file:${join(folder(), 'outbox.db')}`;
    const { stdout } = await runCommand(['check-config'], { OUTBOX_URL: file });
    expect(stdout.split('\n')).toContainEqual(
      expect.stringMatching(/^OUTBOX_URL +file:.*outbox\.db +environment$/),
    );
    expect(stdout).toContain(` ${file} `);
    const OUTBOX_URL = 'postgres://me:hunter2@db.example/leads';
    const database = await runCommand(['check-config'], { OUTBOX_URL });
    expect(database.stdout).toMatch(/^OUTBOX_URL +\(set\) +environment$/m);
    expect(database.stdout).not.toMatch(/hunter2|db\.example/);
  });

  test('shows how many names a long map has, and all of them as JSON', async () => {
    const names = Object.fromEntries(Array.from({ length: 120 }, (_, at) => [`Name ${at}`, `field${at}`]));
    const env = {
      MARKETO_FIELD_NAMES: JSON.stringify(names),
      MARKETO_WORKSPACE_PARTITIONS: '{"EMEA":"Europe"}',
    };
    const { stdout } = await runCommand(['check-config'], env);
    expect(stdout).toMatch(/^MARKETO_FIELD_NAMES +120 names +environment$/m);
    expect(stdout).toMatch(/^MARKETO_WORKSPACE_PARTITIONS +\{.*Europe.*\} +environment$/m);
    const { settings } = JSON.parse((await runCommand(['check-config', '--json'], env)).stdout);
    const { value } = settings.find(({ name }: { name: string }) => name === 'MARKETO_FIELD_NAMES');
    expect(JSON.parse(value)).toEqual(names);
  });

  const proxied = {
    https_proxy: 'http://me:hunter2@proxy.example:3128',
    ALL_PROXY: 'http://other.example:1',
  };

  test('shows the proxies in effect, without credentials, also beside the sandbox', async () => {
    for (const env of [proxied, { ...proxied, ...MARKETO }]) {
      const { stdout } = await runCommand(['check-config'], env);
      expect(stdout).toMatch(/^https_proxy +http:\/\/proxy\.example:3128 +environment$/m);
      expect(stdout).toMatch(/^ALL_PROXY +http:\/\/other\.example:1 +environment$/m);
      expect(stdout).toMatch(/^HTTP_PROXY +- +default$/m);
      expect(stdout).toMatch(/^NO_PROXY +- +default$/m);
      const json = await runCommand(['check-config', '--json'], env);
      expect(JSON.parse(json.stdout).settings).toContainEqual({
        name: 'https_proxy',
        value: 'http://proxy.example:3128',
        source: 'environment',
      });
      expect(stdout + json.stdout).not.toMatch(/hunter2|me:/);
    }
  });

  test('says what is reached directly because of NO_PROXY, as the start does', EXHAUSTIVE, async () => {
    const env = { ...MARKETO, ...proxied, NO_PROXY: 'mktoapi.com' };
    const { stdout } = await runCommand(['check-config'], env);
    expect(stdout).toContain(
      'Reached without the proxy: calls to Marketo (123-abc-456.mktoapi.com), because of NO_PROXY.',
    );
    expect(JSON.parse((await runCommand(['check-config', '--json'], env)).stdout)).toMatchObject({
      proxies: [],
      direct: ['calls to Marketo (123-abc-456.mktoapi.com), because of NO_PROXY'],
    });
    const run = runMain(['serve'], { ...env, PORT: '0', LOG_LEVEL: 'silent' });
    await run.waitFor(/^ {2}direct +calls to Marketo .*NO_PROXY$/m);
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
  });

  test('shows the defaults of variables that need others', async () => {
    const { stdout } = await runCommand(['check-config'], {
      REDIS_URL: 'redis://127.0.0.1',
      JWT_ISSUER: 'https://id.example.com/',
      JWT_AUDIENCE: 'leads',
      JWT_JWKS_URL: 'https://id.example.com/keys',
    });
    expect(stdout).toMatch(/^REPLICA_SHARE +0\.25 +default$/m);
    expect(stdout).toMatch(/^JWT_AUDIENCE_CLAIM +aud +default$/m);
    expect((await runCommand(['check-config'])).stdout).toMatch(/^REPLICA_SHARE +- +default$/m);
  });

  test('names a file that cannot be read by its path and says why in words', async () => {
    const path = folder();
    const missing = join(path, 'nope');
    const { stderr } = await runCommand(['check-config'], {
      ...MARKETO,
      MARKETO_ENCRYPTION_KEY: '',
      MARKETO_ENCRYPTION_KEY_FILE: path,
      API_KEYS_FILE: missing,
    });
    expect(stderr).toContain(`MARKETO_ENCRYPTION_KEY_FILE "${path}" is a folder (EISDIR)`);
    expect(stderr).toContain(`API_KEYS_FILE "${missing}" does not exist (ENOENT)`);
    for (const args of [['list'], ['revoke', '--name', 'crm']]) {
      const keys = await runCommand(['keys', ...args, '--file', missing]);
      expect([keys.exitCode, keys.stderr]).toEqual([
        78,
        expect.stringContaining(`"${missing}" does not exist`),
      ]);
    }
  });

  test('warns of a sandbox that others can reach', async () => {
    const { exitCode, stdout } = await runCommand(['check-config'], { SANDBOX_HOST: '0.0.0.0' });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/Warning: SANDBOX_HOST "0\.0\.0\.0" .* 8081/);
  });
});

describe('--env-file', () => {
  test('serves by what the file says, and warns of what is not read there', EXHAUSTIVE, async () => {
    const path = folder({ '.env': '\uFEFFPORT=0\r\nSANDBOX_PORT=0\r\nPOSTGRES_USER=me\r\n' });
    const run = runMain(['--env-file', join(path, '.env')], { LOG_LEVEL: 'silent' });
    await run.waitFor(/WARNING +POSTGRES_USER/);
    expect(run.output().stderr).not.toContain(':8080 ');
    run.child.kill('SIGTERM');
    expect(await run.ended).toBe(0);
  });

  test('is strict: a slip in the file ends the start with 78, its name and its file', async () => {
    const path = folder({ '.env': 'PROT=9000\nAPI_KEY_FILE=keys.json\nnonsense\n' });
    const { exitCode, stderr } = await runCommand(['serve', `--env-file=${join(path, '.env')}`]);
    expect(exitCode).toBe(78);
    expect(stderr).toMatch(/PROT \(in .*\.env\) .* did you mean PORT\?/);
    expect(stderr).toMatch(/API_KEY_FILE .* did you mean API_KEYS_FILE\?/);
    expect(stderr).toMatch(/\.env, line 3: is not NAME=value/);
  });

  test('names the key file to keys', async () => {
    const path = folder({ 'keys.json': keysText([SECRET]) });
    writeFileSync(join(path, '.env'), `API_KEYS_FILE=${join(path, 'keys.json')}\n`);
    const listed = await runCommand(['keys', 'list', '--json', '--env-file', join(path, '.env')]);
    expect(JSON.parse(listed.stdout)).toEqual([expect.objectContaining({ kind: 'secret', state: 'usable' })]);
    expect(listed.stdout).not.toContain('hash');
    const revoked = await runCommand(
      ['keys', 'revoke', '--name', JSON.parse(listed.stdout)[0].name, '--json'],
      {
        API_KEYS_FILE: join(path, 'keys.json'),
      },
    );
    expect(JSON.parse(revoked.stdout)).toMatchObject({ revokedAt: expect.any(String) });
  });
});

test('a misspelt variable ends the start with 78 by its name', async () => {
  for (const name of ['MARKETO_SOAP_ENDPIONT', 'API_KEY_FILE']) {
    const { exitCode, stderr } = await runCommand(['serve'], { [name]: 'x' });
    expect(exitCode).toBe(78);
    expect(stderr).toContain(`${name} is not read by the gateway; did you mean `);
  }
});

describe('openapi --out', () => {
  testEvery(3, ['x.yaml', 'x.yml', 'new/openapi-3.0.yaml'])('%s is a document in YAML', async (name) => {
    const path = join(folder(), name);
    expect((await runCommand(['openapi', '--out', path])).exitCode).toBe(0);
    const document = parse(readFileSync(path, 'utf8'));
    const file = name.includes('3.0') ? 'openapi-3.0.json' : 'openapi.json';
    expect(document).toEqual(JSON.parse(readFileSync(join(ROOT, 'openapi', file), 'utf8')));
  });

  test('a folder is one that is there, ends with a slash or has no ending', async () => {
    const path = folder();
    for (const name of ['a', 'b.d/', 'x.yaml/']) {
      expect((await runCommand(['openapi', '--out', `${path}/${name}`])).exitCode).toBe(0);
      expect(existsSync(join(path, name, 'swagger.json'))).toBe(true);
    }
    const { exitCode, stderr } = await runCommand(['openapi', '--out', join(path, 'x.txt')]);
    expect(exitCode).toBe(64);
    expect(stderr).toMatch(/\.json, \.yaml or \.yml/);
    expect(existsSync(join(path, 'x.txt'))).toBe(false);
  });

  test('where nothing can be written says so', async () => {
    const path = folder({ file: '' });
    const { exitCode, stderr } = await runCommand(['openapi', '--out', join(path, 'file', 'x.json')]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/x\.json" .+ \(E\w+\)\.\n$/);
  });
});

test('a reader that closes the pipe early is not an error', async () => {
  const command = `"${process.execPath}" dist/main.js openapi | head -c 1; echo " \${PIPESTATUS[0]}"`;
  const said = await new Promise<string>((resolve) => {
    execFile(
      'bash',
      ['--norc', '-c', command],
      { cwd: ROOT, env: { PATH: process.env['PATH'] } },
      (_error, stdout, stderr) => resolve(stdout + stderr),
    );
  });
  expect(said).toBe('{ 0\n');
});

test('doctor and health answer programs in JSON', async () => {
  const doctor = await runCommand(['doctor', '--json']);
  expect(JSON.parse(doctor.stdout)).toMatchObject({
    isOk: true,
    findings: [
      { state: 'ok', subject: 'configuration' },
      { state: 'note', subject: 'upstream' },
    ],
  });
  const mistaken = await runCommand(['doctor', '--json'], { PORT: 'x' });
  expect(mistaken.exitCode).toBe(78);
  expect(JSON.parse(mistaken.stdout)).toMatchObject({
    isOk: false,
    mistakes: [expect.stringMatching(/^PORT/)],
  });
  const health = await runCommand(['health', '--json'], { PORT: '1' });
  expect(health.exitCode).toBe(1);
  expect(JSON.parse(health.stdout)).toMatchObject({ isUp: false, message: expect.any(String) });
});

describe('keys', () => {
  test('take a file with a byte order mark, and leave one in UTF-16 alone', async () => {
    const text = keysText([SECRET]);
    const utf16 = Buffer.from(`\uFEFF${text}`, 'utf16le');
    const path = folder({ 'bom.json': `\uFEFF${text}`, 'utf16.json': utf16 });
    const bom = join(path, 'bom.json');
    expect((await runCommand(['keys', 'create', '--file', bom, '--name', 'second', '--json'])).exitCode).toBe(
      0,
    );
    expect(JSON.parse(readFileSync(bom, 'utf8')).keys).toHaveLength(2);
    const wide = join(path, 'utf16.json');
    for (const args of [['create', '--name', 'b'], ['list'], ['revoke', '--name', 'b']]) {
      const { exitCode, stderr } = await runCommand(['keys', ...args, '--file', wide]);
      expect(exitCode).toBe(78);
      expect(stderr).toContain('is in UTF-16; save it as UTF-8');
    }
    expect(readFileSync(wide).equals(utf16)).toBe(true);
    expect(statSync(wide).size).toBe(utf16.length);
  });
});
