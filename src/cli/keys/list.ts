import { type KeyEntry, readKeyFile } from '../../http/access/key-file.ts';
import { describeFileFault } from '../../text/file-fault.ts';
import { defineCommand, JSON_OUTPUT } from '../command.ts';
import { readText } from '../configuration.ts';
import { print, printJson } from '../process.ts';
import { KEY_FILE, keyFileFailure, keyFileOf } from './key-file-option.ts';

/** `lead-gateway keys list` */
export const listKeys = defineCommand({
  name: 'keys list',
  summary: 'show the keys of a file, without their hashes',
  options: { ...KEY_FILE, ...JSON_OUTPUT },
  run: (own, values) => {
    const entries = entriesOf(keyFileOf('keys list', own, values));
    const nowMs = Date.now();
    if (values.json) {
      printJson(entries.map((entry) => ({ ...entry, hash: undefined, state: stateOf(entry, nowMs) })));
      return 0;
    }
    const rows = entries.map((entry) => [
      entry.name,
      entry.kind,
      stateOf(entry, nowMs),
      entry.expiresAt ?? '-',
      entry.defaultWorkspace ?? '-',
      entry.origins.join(',') || '-',
    ]);
    print(tableOf([HEADINGS, ...rows]));
    return 0;
  },
});

function entriesOf(file: string): readonly KeyEntry[] {
  let content;
  try {
    content = readText(file);
  } catch (error) {
    const complaint = `"${file}" ${describeFileFault(error)}`;
    throw keyFileFailure({ ok: false, fault: 'file', mistakes: [complaint] });
  }
  const read = readKeyFile(content);
  if (!read.ok) throw keyFileFailure({ ok: false, fault: 'file', mistakes: read.mistakes });
  return read.entries;
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
