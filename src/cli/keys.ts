import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { editKeyFile, type EditResult, type RawEntry } from '../http/access/key-file-edit.ts';
import { type KeyEntry, readKeyFile } from '../http/access/key-file.ts';
import { hashKey, KEY_BYTES, type KeyKind, writeKey } from '../http/access/key-format.ts';

/** sysexits.h: EX_USAGE and EX_CONFIG. */
const EXIT_USAGE = 64;
const EXIT_CONFIG = 78;

const KEYS_USAGE = `Usage: lead-gateway keys create --file FILE --name NAME [options]
       lead-gateway keys list   --file FILE
       lead-gateway keys revoke --file FILE --name NAME

  create prints the new key once, on standard output; the file keeps only its SHA-256.

  --publishable               for browsers and apps; else the key is a secret one
  --origins A,B               where a publishable key may be used, such as https://www.example.com
  --attributes A,B            names or patterns (Lead*); a secret key may write all when left out
  --workspaces A,B            a secret key may use all when left out
  --default-workspace NAME    for requests that name none
  --return-lead --by-id --by-foreign-id --metrics
  --expires-at TIME           such as 2030-01-31T00:00:00Z
  --requests-per-second N, --burst N, --requests-per-day N
`;

export type CommandResult = { readonly exitCode: number; readonly stdout: string; readonly stderr: string };

type World = { readonly nowMs: number; readonly randomBytes: (size: number) => Uint8Array };

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const OPTIONS = {
  file: text,
  name: text,
  publishable: flag,
  origins: text,
  attributes: text,
  workspaces: text,
  'default-workspace': text,
  'return-lead': flag,
  'by-id': flag,
  'by-foreign-id': flag,
  metrics: flag,
  'expires-at': text,
  'requests-per-second': text,
  burst: text,
  'requests-per-day': text,
  help: flag,
};

type Options = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>['values'];

/** `lead-gateway keys …`: makes, lists and revokes the keys of a file. */
export function runKeys(args: readonly string[], world: World): CommandResult {
  let parsed;
  try {
    parsed = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    return misused(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  if (values.help === true) return { exitCode: 0, stdout: KEYS_USAGE, stderr: '' };
  const [action, ...rest] = positionals;
  if (rest.length > 0) return misused(`Unexpected: ${rest.join(' ')}`);
  const { file, name } = values;
  if (file === undefined) return misused('--file is needed');
  if (action === 'list') return list(file, world);
  if (action !== 'create' && action !== 'revoke') return misused('Say create, list or revoke.');
  if (name === undefined) return misused('--name is needed');
  return action === 'create' ? create(file, name, values, world) : revoke(file, name, world);
}

function create(file: string, name: string, values: Options, { randomBytes }: World): CommandResult {
  const kind: KeyKind = values.publishable === true ? 'publishable' : 'secret';
  const key = writeKey(kind, randomBytes(KEY_BYTES));
  const entry = { name, hash: hashKey(key), kind, ...permissionsOf(kind, values) };
  const edit = editKeyFile(file, { mayCreate: true }, (entries) => {
    entries.push(entry);
    return undefined;
  });
  if (!edit.ok) return refused(edit);
  return { exitCode: 0, stdout: `${key}\n`, stderr: `The key ${name}, shown only this once:\n` };
}

/** Only what the key gets is written down; a secret key gets all attributes and workspaces unless told otherwise. */
function permissionsOf(kind: KeyKind, values: Options): Record<string, unknown> {
  const all = kind === 'secret' ? ['*'] : undefined;
  const rateLimit = withoutUndefined({
    requestsPerSecond: numberOf(values['requests-per-second']),
    burst: numberOf(values.burst),
    requestsPerDay: numberOf(values['requests-per-day']),
  });
  return withoutUndefined({
    expiresAt: values['expires-at'],
    origins: listOf(values.origins),
    workspaces: listOf(values.workspaces) ?? (values['default-workspace'] === undefined ? all : undefined),
    defaultWorkspace: values['default-workspace'],
    attributes: listOf(values.attributes) ?? all,
    returnLead: values['return-lead'],
    byId: values['by-id'],
    byForeignId: values['by-foreign-id'],
    metrics: values.metrics,
    rateLimit: Object.keys(rateLimit).length > 0 ? rateLimit : undefined,
  });
}

function withoutUndefined(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function listOf(value: string | undefined): string[] | undefined {
  return value?.split(',').map((part) => part.trim());
}

/** What is no number stays a text, which the rules of the file refuse by name. */
function numberOf(value: string | undefined): number | string | undefined {
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : value;
}

function revoke(file: string, name: string, { nowMs }: World): CommandResult {
  const edit = editKeyFile(file, { mayCreate: false }, (entries: RawEntry[]) => {
    const entry = entries.find((candidate) => candidate.name === name);
    if (entry === undefined) return `the file has no key ${name}`;
    entry['revokedAt'] ??= new Date(nowMs).toISOString();
    return undefined;
  });
  if (!edit.ok) return refused(edit);
  return {
    exitCode: 0,
    stdout: '',
    stderr: `The key ${name} is revoked; a running gateway notices at once.\n`,
  };
}

function list(file: string, { nowMs }: World): CommandResult {
  let content;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return refused({ ok: false, fault: 'file', mistakes: [`${file} cannot be used (${code})`] });
  }
  const read = readKeyFile(content);
  if (!read.ok) return refused({ ok: false, fault: 'file', mistakes: read.mistakes });
  const rows = read.entries.map((entry) => [
    entry.name,
    entry.kind,
    stateOf(entry, nowMs),
    entry.expiresAt ?? '-',
    entry.defaultWorkspace ?? '-',
    entry.origins.join(',') || '-',
  ]);
  return { exitCode: 0, stdout: tableOf([HEADINGS, ...rows]), stderr: '' };
}

const HEADINGS = ['NAME', 'KIND', 'STATE', 'EXPIRES', 'DEFAULT WORKSPACE', 'ORIGINS'];

function stateOf({ revokedAt, enabled, expiresAt }: KeyEntry, nowMs: number): string {
  if (revokedAt !== undefined) return 'revoked';
  if (!enabled) return 'disabled';
  return expiresAt !== undefined && nowMs >= Date.parse(expiresAt) ? 'expired' : 'usable';
}

function tableOf(rows: readonly (readonly string[])[]): string {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

function misused(complaint: string): CommandResult {
  return { exitCode: EXIT_USAGE, stdout: '', stderr: `${complaint}\n\n${KEYS_USAGE}` };
}

function refused({ fault, mistakes }: EditResult & { ok: false }): CommandResult {
  const heading = fault === 'file' ? 'The file of keys cannot be used:' : 'This is not possible:';
  const stderr = [heading, ...mistakes.map((mistake) => `  ${mistake}`), ''].join('\n');
  return { exitCode: fault === 'file' ? EXIT_CONFIG : EXIT_USAGE, stdout: '', stderr };
}
