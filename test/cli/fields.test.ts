import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { runCommand } from '../support/process.ts';
import { fileOf, restEnv } from '../support/rest-command.ts';
import { startStillSandbox } from '../support/sandbox.ts';

test('fields lists the names, types and read-only fields of Describe', async () => {
  const sandbox = await startStillSandbox();
  const { exitCode, stdout, stderr } = await runCommand(['fields'], restEnv(sandbox));
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  const [head = '', ...rows] = stdout.trimEnd().split('\n');
  expect(head.split(/ {2,}/)).toEqual(['REST name', 'SOAP name', 'type', 'read-only']);
  expect(rows.map((row) => row.split(/ {2,}/))).toEqual(
    expect.arrayContaining([
      ['firstName', 'FirstName', 'string'],
      ['inferredCompany', 'InferredCompany', 'string', 'yes'],
      ['createdAt', '-', 'datetime', 'yes'],
    ]),
  );
  expect((await sandbox.calls()).map(({ operation }) => operation)).toEqual(['identity', 'describe']);
});

test('fields --json gives the same to programs', async () => {
  const { stdout } = await runCommand(['fields', '--json'], restEnv(await startStillSandbox()));
  expect(JSON.parse(stdout)).toContainEqual({
    restName: 'leadScore',
    soapName: 'LeadScore',
    dataType: 'integer',
    maxLength: null,
    isReadOnly: false,
  });
});

test('fields --out writes what MARKETO_FIELD_NAMES_FILE takes, after the names of the operator', async () => {
  const sandbox = await startStillSandbox();
  const out = fileOf('names.json');
  const env = { ...restEnv(sandbox), MARKETO_FIELD_NAMES: '{"Given":"firstName","Title":"leadRole"}' };
  const { exitCode, stdout, stderr } = await runCommand(['fields', '--out', out], env);
  expect(exitCode).toBe(0);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^Wrote \d+ names to .*names\.json; set MARKETO_FIELD_NAMES_FILE=/);
  const read = readConfig({ ...restEnv(sandbox), MARKETO_FIELD_NAMES_FILE: out }, () =>
    readFileSync(out, 'utf8'),
  );
  const names = read.ok ? read.config.rest.fieldNames : new Map<string, string>();
  expect([...names].slice(0, 2)).toEqual([
    ['Given', 'firstName'],
    ['Title', 'leadRole'],
  ]);
  expect(names.get('FirstName')).toBe('firstName');
  expect(names.get('SICCode')).toBe('sicCode');
  expect(names.has('Email')).toBe(false);
});

test('fields --out and doctor count the same names', async () => {
  const env = restEnv(await startStillSandbox());
  const { stderr } = await runCommand(['fields', '--out', fileOf('names.json')], env);
  const { stdout } = await runCommand(['doctor'], env);
  const [, count] = /^Wrote (\d+) names/.exec(stderr) ?? [];
  expect(stdout).toContain(`, ${count} of them attributes with a SOAP name\n`);
});

test('with the file leads keep their attribute names when Describe has lost the SOAP names', async () => {
  const sandbox = await startStillSandbox();
  const out = fileOf('names.json');
  const leads = fileOf('leads', [
    '{"email":"jane@example.com","attributes":{"Company":"Example","SICCode":"1"}}',
  ]);
  await runCommand(['fields', '--out', out], restEnv(sandbox));
  await sandbox.control('PUT', '/rest', { describeSoapNames: false });
  const env = { ...restEnv(sandbox), MARKETO_FIELD_NAMES_FILE: out };
  expect((await runCommand(['check-leads', leads], env)).stdout).toBe(
    '1 lead, none of them would be refused\n',
  );
});

test('fields --out keeps the file when Describe has no SOAP names', async () => {
  const sandbox = await startStillSandbox();
  await sandbox.control('PUT', '/rest', { describeSoapNames: false });
  const out = fileOf('names.json');
  const { exitCode, stderr } = await runCommand(['fields', '--out', out], restEnv(sandbox));
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^Describe has no SOAP names, so nothing was written\./);
  expect(existsSync(out)).toBe(false);
});

test('fields reads the REST API while leads still go to SOAP', async () => {
  const sandbox = await startStillSandbox();
  const env = { ...(sandbox.env as Record<string, string>), ...restEnv(sandbox), MARKETO_UPSTREAM: 'soap' };
  expect((await runCommand(['fields'], env)).exitCode).toBe(0);
});

test('fields asks the SOAP API if only that has credentials', async () => {
  const sandbox = await startStillSandbox({ now: Date.now });
  const env = sandbox.env as Record<string, string>;
  const { exitCode, stdout } = await runCommand(['fields'], env);
  expect(exitCode).toBe(0);
  expect(stdout.split('\n').map((row) => row.split(/ {2,}/))).toEqual(
    expect.arrayContaining([
      ['SOAP name', 'title', 'type', 'read-only'],
      ['EmailSuspendedAt', 'Email Suspended At', 'datetime'],
      ['Lead Partition ID', 'Lead Partition ID', 'reference', 'yes'],
    ]),
  );
  const json = await runCommand(['fields', '--json'], env);
  expect(JSON.parse(json.stdout)).toContainEqual({
    soapName: 'LeadScore',
    title: 'Lead Score',
    dataType: 'score',
    maxLength: null,
    isReadOnly: false,
    isCustom: false,
  });
  const out = await runCommand(['fields', '--out', fileOf('names.json')], env);
  expect([out.exitCode, out.stderr]).toEqual([78, expect.stringContaining('MARKETO_REST_ENDPOINT')]);
});

test.each([
  ['no credentials', {}, 78, /MARKETO_REST_ENDPOINT, MARKETO_CLIENT_ID and MARKETO_CLIENT_SECRET/],
  ['a wrong secret', { MARKETO_CLIENT_SECRET: 'wrong' }, 1, /client secret.*\(Bad client credentials\)/],
] as const)('fields with %s says what to do', async (_, changes, code, message) => {
  const base = 'MARKETO_CLIENT_SECRET' in changes ? restEnv(await startStillSandbox()) : {};
  const { exitCode, stdout, stderr } = await runCommand(['fields'], { ...base, ...changes });
  expect([exitCode, stdout]).toEqual([code, '']);
  expect(stderr).toMatch(message);
});
