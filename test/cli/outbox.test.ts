import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Environment } from '../../src/config/files.ts';
import { bearer, OPERATOR, SECRET, startKeyedGateway } from '../support/gateway.ts';
import { outboxFile } from '../support/outbox.ts';
import { runCommand } from '../support/process.ts';

const JANE = 'jane@example.com';

/** A gateway with an outbox in a file and one failed lead in it, and a file with the operator's key. */
async function start(more: Environment = {}, file = outboxFile()) {
  const keyFile = join(dirname(file), 'key');
  writeFileSync(keyFile, `${OPERATOR.key}\n`);
  const gateway = await startKeyedGateway([SECRET, OPERATOR], { OUTBOX_URL: `file:${file}`, ...more });
  const { body } = await gateway.putLead(
    { email: JANE, attributes: { Pants: 'blue' } },
    { headers: { ...bearer(SECRET.key), prefer: 'respond-async' } },
  );
  const id = String(body.receipt).replace('/receipts/', '');
  for (let state = ''; state !== 'failed';) {
    const read = await gateway.request('GET', `/outbox/leads/${id}`, { headers: bearer(OPERATOR.key) });
    ({ state } = read.body);
  }
  return { ...gateway, file, keyFile, id };
}

/** A port where nothing listens. */
const NOWHERE = { HOST: '127.0.0.1', PORT: '1' };

test('asks a running gateway, with the key in a file', async () => {
  const { url, keyFile, id } = await start();
  const run = (...args: string[]) => runCommand(['outbox', ...args, '--url', url, '--key-file', keyFile], {});
  const status = await run('status');
  expect(status.stdout).toMatch(/^failed +1\n +unknown-attribute +1$/m);
  const list = await run('list');
  expect(list.stdout).toMatch(new RegExp(`^ID .*\\n${id} +failed .* back-end +unknown-attribute\\n$`));
  expect(list.stdout).not.toContain('jane');
  const shown = JSON.parse((await run('show', id)).stdout) as { lead: unknown };
  expect(shown.lead).toEqual({ email: JANE, attributes: { Pants: 'blue' } });
  expect((await run('retry', '--problem', 'unknown-attribute')).stdout).toBe('1 lead is tried again.\n');
  const denied = await runCommand(['outbox', 'status', '--url', url], {});
  expect(denied).toMatchObject({ exitCode: 1, stdout: '' });
  expect(denied.stderr).toContain('--key-file FILE, or set LEAD_GATEWAY_KEY');
  const byVariable = await runCommand(['outbox', 'status', '--url', url], { LEAD_GATEWAY_KEY: OPERATOR.key });
  expect(byVariable).toMatchObject({ exitCode: 0, stderr: '' });
});

test('opens the store where no gateway runs', async () => {
  const { close, file, id } = await start();
  await close();
  const run = (...args: string[]) =>
    runCommand(['outbox', ...args], { ...NOWHERE, OUTBOX_URL: `file:${file}` });
  const exported = await run('export');
  expect(
    exported.stdout.split('\n').map((line) => (line === '' ? '' : (JSON.parse(line) as { id: string }).id)),
  ).toEqual([id, '']);
  expect((await run('retry', '--id', id)).stdout).toBe('1 lead is tried again.\n');
  expect((await run('retry', id)).stdout).toBe('1 lead is tried again.\n');
  expect(JSON.parse((await run('status', '--json')).stdout)).toMatchObject({ pending: 1, failed: 0 });
  expect((await run('forget', '--email', 'Jane@Example.com')).stdout).toBe(
    'Removed: 1 pending, 0 failed and 0 delivered.\n',
  );
  expect(await run('discard', id)).toMatchObject({ exitCode: 1, stderr: `The outbox has no lead ${id}.\n` });
});

test('a file that does not exist is told, not made and called empty', async () => {
  const file = outboxFile();
  const env = { ...NOWHERE, OUTBOX_URL: `file:${file}` };
  for (const args of [['status'], ['forget', '--email', JANE]]) {
    const told = await runCommand(['outbox', ...args], env);
    expect(told).toMatchObject({ exitCode: 78, stdout: '' });
    expect(told.stderr).toContain(`OUTBOX_URL: ${file} does not exist`);
  }
  expect(existsSync(file)).toBe(false);
});

test('an export leaves out leads that are gone, and fails if it cannot read one', async () => {
  const answers: Record<string, [number, unknown]> = {
    '/outbox/leads?limit=500': [200, { leads: [{ id: 'gone' }, { id: 'kept' }, { id: 'unread' }] }],
    '/outbox/leads/gone': [404, { detail: 'gone' }],
    '/outbox/leads/kept': [200, { id: 'kept', lead: { email: JANE } }],
    '/outbox/leads/unread': [503, { detail: 'The outbox cannot be used now.' }],
  };
  const server = createServer(({ url = '' }, response) => {
    const [status, body] = answers[url] ?? [500, {}];
    response.writeHead(status).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const run = await runCommand(['outbox', 'export', '--url', `http://127.0.0.1:${port}`], NOWHERE);
  expect(run.stdout).toBe(`{"id":"kept","lead":{"email":"${JANE}"}}\n`);
  expect([run.exitCode, run.stderr]).toEqual([1, 'The outbox cannot be used now.\n']);
});

test('an export says which failed leads no key opens, and writes the others', async () => {
  const [old, fresh] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64'));
  const { close, file, keyFile, id } = await start({ OUTBOX_ENCRYPTION_KEYS: `${old}` });
  await close();
  const rotated = await start({ OUTBOX_ENCRYPTION_KEYS: `${fresh},${old}` }, file);
  const where = ['--url', rotated.url, '--key-file', keyFile];
  const whole = await runCommand(['outbox', 'export', ...where], NOWHERE);
  expect([whole.exitCode, whole.stdout.split('\n').length]).toEqual([0, 3]);
  await rotated.close();
  const env = { ...NOWHERE, OUTBOX_URL: `file:${file}`, OUTBOX_ENCRYPTION_KEYS: `${fresh}` };
  const exported = await runCommand(['outbox', 'export'], env);
  expect(JSON.parse(exported.stdout)).toMatchObject({ id: rotated.id, lead: { email: JANE } });
  expect(exported.stderr).toMatch(
    new RegExp(`^1 lead cannot be read and is not in the export: ${id}\\.\\n.*OUTBOX_ENCRYPTION_KEYS`),
  );
  expect(exported.exitCode).toBe(1);
});

test('a key that is not on one line is told before a gateway is asked', async () => {
  const { url, keyFile } = await start();
  writeFileSync(keyFile, `${OPERATOR.key}\n${OPERATOR.key}\n`);
  const twice = await runCommand(['outbox', 'status', '--url', url, '--key-file', keyFile], {});
  expect(twice).toMatchObject({ exitCode: 78, stderr: `${keyFile} does not have a key on one line.\n` });
  const none = await runCommand(['outbox', 'status', '--url', url], { LEAD_GATEWAY_KEY: ' ' });
  expect(none).toMatchObject({
    exitCode: 78,
    stderr: 'LEAD_GATEWAY_KEY does not have a key on one line.\n',
  });
});

test.each<[string, string[], number, RegExp]>([
  ['no outbox', ['status'], 78, /OUTBOX_URL is not set/],
  ['no lead', ['show'], 64, /ID is missing/],
  ['no choice', ['retry'], 64, /one of ID, --problem NAME and --all/],
  ['two choices', ['retry', '--all', '--problem', 'x'], 64, /one of ID/],
  ['two leads', ['retry', 'x', '--id', 'y'], 64, /one of ID/],
  ['no person', ['forget'], 64, /--email is required/],
  ['no gateway there', ['status', '--url', 'http://127.0.0.1:1'], 1, /ECONNREFUSED/],
  ['no URL', ['status', '--url', 'leads'], 64, /--url must be an address.*\nUsage: .* outbox status /],
  [
    'a password in the URL',
    ['show', 'x', '--url', 'https://a:b@leads.test'],
    64,
    /--url must not have a pass/,
  ],
  [
    'http: to elsewhere',
    ['retry', '--all', '--url', 'http://leads.test'],
    64,
    /or --allow-insecure\nUsage: /,
  ],
  // Not a loopback address by its name, and nothing listens there.
  ['http: by choice', ['status', '--url', 'http://0.0.0.0:1', '--allow-insecure'], 1, /ECONNREFUSED/],
  ['no key file', ['status', '--url', 'http://127.0.0.1:1', '--key-file', '/none'], 78, /\/none/],
])('%s is told in a sentence', async (_what, args, exitCode, words) => {
  const run = await runCommand(['outbox', ...args], NOWHERE);
  expect(run.stderr).toMatch(words);
  expect([run.exitCode, run.stdout]).toEqual([exitCode, '']);
});
