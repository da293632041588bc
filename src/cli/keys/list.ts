import { type KeyEntry, readKeyFile } from '../../http/access/key-file.ts';
import { describeFileFault } from '../../text/file-fault.ts';
import { defineCommand, JSON_OUTPUT } from '../command.ts';
import { readText } from '../configuration.ts';
import { print, printJson } from '../process.ts';
import { EDIT_NOTES, KEY_FILE, keyFileFailure, keyFileOf } from './key-file-option.ts';

/** `lead-gateway keys list` */
export const listKeys = defineCommand({
  name: 'keys list',
  summary: 'show the keys of a file, without their hashes',
  options: { ...KEY_FILE, ...JSON_OUTPUT },
  notes: `Long lists are shown by their beginning; --json shows them whole.
${EDIT_NOTES}`,
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
      shortList(entry.attributes),
      shortList(entry.workspaces),
      entry.defaultWorkspace ?? '-',
      shortList(entry.origins),
      permissionsOf(entry),
      limitsOf(entry),
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

const HEADINGS = [
  'NAME',
  'KIND',
  'STATE',
  'EXPIRES',
  'ATTRIBUTES',
  'WORKSPACES',
  'DEFAULT WORKSPACE',
  'ORIGINS',
  'MAY',
  'LIMITS',
];

const MAX_SHOWN = 3;

function shortList(names: readonly string[]): string {
  const more = names.length - MAX_SHOWN;
  return (
    names
      .slice(0, MAX_SHOWN)
      .join(',')
      .concat(more > 0 ? `,+${more}` : '') || '-'
  );
}

/** By the names of the options of `keys create`. */
function permissionsOf({ returnLead, byId, byForeignId, metrics }: KeyEntry): string {
  const may = { 'return-lead': returnLead, 'by-id': byId, 'by-foreign-id': byForeignId, metrics };
  const names = Object.entries(may).flatMap(([name, isAllowed]) => (isAllowed ? [name] : []));
  return names.join(',') || '-';
}

function limitsOf({ rateLimit }: KeyEntry): string {
  const { requestsPerSecond: perSecond, burst, requestsPerDay: perDay } = rateLimit ?? {};
  const parts = [
    ...(perSecond === undefined ? [] : [`${perSecond}/s${burst === undefined ? '' : ` burst ${burst}`}`]),
    ...(perDay === undefined ? [] : [`${perDay}/day`]),
  ];
  return parts.join(', ') || '-';
}

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
