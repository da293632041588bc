import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { restClient } from '../../support/rest.ts';
import { startTestSandbox } from '../../support/sandbox.ts';

function stateFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sandbox-rest-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return join(folder, 'state.json');
}

test('settings of REST, custom names and leads found by a field outlast a restart', async () => {
  const path = stateFile();
  const first = await startTestSandbox({ stateFile: path });
  await first.control('POST', '/fields', { name: 'Size', type: 'integer', restName: 'mktoSize' });
  await first.control('PUT', '/rest', {
    readOnly: ['firstName'],
    describeSoapNames: false,
    countTogether: false,
  });
  await first.control('PUT', '/partitions', {
    partitions: [
      { name: 'Europe', access: false },
      { name: 'Asia', description: 'East' },
    ],
  });
  for (let count = 0; count < 2; count++) {
    await restClient(first).results([{ mktoSize: 7, sfdcAccountId: '0011' }], { lookupField: 'mktoSize' });
  }
  await first.close();

  const second = await startTestSandbox({ stateFile: path });
  expect(await second.control('GET', '/rest')).toEqual({
    readOnly: ['firstName'],
    describeSoapNames: false,
    countTogether: false,
  });
  expect((await second.control('GET', '/partitions')).partitions).toMatchObject([
    { name: 'Default', access: true },
    { name: 'Europe', access: false },
    { name: 'Asia', access: true, description: 'East' },
  ]);
  const [lead] = await restClient(second).find('mktoSize', 7, 'mktoSize,sfdcAccountId');
  expect(lead).toMatchObject({ mktoSize: 7, sfdcAccountId: '0011' });
  expect((await second.control('GET', `/leads/${lead.id}`)).history[1].matchedBy).toBe('field');
});

test('a file of an earlier version, which has no settings of REST, is read', async () => {
  const path = stateFile();
  await (await startTestSandbox({ stateFile: path })).close();
  const { rest, ...earlier } = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify(earlier));
  const sandbox = await startTestSandbox({ stateFile: path });
  expect(await sandbox.control('GET', '/rest')).toMatchObject({
    readOnly: rest.readOnly,
    countTogether: true,
  });
});

test('SOAP does not show what REST alone knows', async () => {
  const sandbox = await startTestSandbox();
  await restClient(sandbox).results([{ email: 'a@example.com', sfdcAccountId: '0011', phone: '1' }]);
  const { text } = await sandbox.sync('<Email>a@example.com</Email>');
  expect(text).toContain('<attrName>Phone</attrName>');
  expect(text).not.toContain('0011');
});
