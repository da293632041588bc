import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { hashKey } from '../../src/access/api-key.ts';
import { startTestGateway, type TestGateway } from './gateway.ts';
import { TEST_KEYS } from './secrets.ts';

export { TEST_KEYS };

/** An entry of a keys file for one of the test keys. */
export type Entry = { readonly name: string; readonly key: string; readonly [member: string]: unknown };

export type KeysFile = {
  readonly path: string;
  /** Puts a new file in the old one's place at once, as editors and `keys` do. */
  replace(entries: readonly Entry[]): void;
  /** The same with any text. */
  replaceText(text: string): void;
};

export const ORIGIN = 'https://www.example.com';

/** A secret key that may do everything. */
export const SECRET: Entry = {
  name: 'back-end',
  key: TEST_KEYS.secret,
  kind: 'secret',
  workspaces: ['*'],
  attributes: ['*'],
  returnLead: true,
  byId: true,
  byForeignId: true,
  metrics: true,
};

/** A publishable key that may do all such a key may. */
export const PUBLISHABLE: Entry = {
  name: 'web-form',
  key: TEST_KEYS.publishable,
  kind: 'publishable',
  origins: [ORIGIN],
  workspaces: ['*'],
  attributes: ['FirstName', 'LastName', 'Comp*'],
};

function writeKeysFile(entries: readonly Entry[]): KeysFile {
  const folder = mkdtempSync(join(tmpdir(), 'lead-gateway-keys-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'keys.json');
  const replaceText = (text: string) => {
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  };
  const replace = (next: readonly Entry[]) => replaceText(keysText(next));
  replace(entries);
  return { path, replace, replaceText };
}

export function keysText(entries: readonly Entry[]): string {
  return JSON.stringify({ keys: entries.map(({ key, ...entry }) => ({ hash: hashKey(key), ...entry })) });
}

/** A gateway that knows these keys; the sandbox is its upstream unless `env` says otherwise. */
export async function startKeyedGateway(
  entries: readonly Entry[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<TestGateway & { readonly file: KeysFile }> {
  const file = writeKeysFile(entries);
  const gateway = await startTestGateway({
    API_KEYS_FILE: file.path,
    AUTH_FAILURES_PER_MINUTE: '100000',
    ...env,
  });
  return { ...gateway, file };
}

/** The header that sends a key. */
export function bearer(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` };
}
