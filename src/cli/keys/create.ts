import { randomBytes } from 'node:crypto';
import { editKeyFile } from '../../http/access/key-file-edit.ts';
import { hashKey, KEY_BYTES, type KeyKind, writeKey } from '../../http/access/key-format.ts';
import { defineCommand, JSON_OUTPUT, misused, type Options, type OptionValues } from '../command.ts';
import { announce, print, printJson } from '../process.ts';
import { EDIT_NOTES, KEY_FILE, keyFileFailure, keyFileOf } from './key-file-option.ts';

const OPTIONS = {
  name: { type: 'string', value: 'NAME', help: 'what logs and metrics call the key; needed' },
  ...KEY_FILE,
  publishable: { type: 'boolean', help: 'for browsers and apps; else the key is a secret one' },
  origins: {
    type: 'string',
    value: 'A,B',
    help: 'where a publishable key may be used, such as https://www.example.com',
  },
  attributes: {
    type: 'string',
    value: 'A,B',
    help: 'names or patterns (Lead*); a secret key may write all when left out',
  },
  workspaces: { type: 'string', value: 'A,B', help: 'a secret key may use all when left out' },
  'default-workspace': { type: 'string', value: 'NAME', help: 'for requests that name none' },
  'return-lead': { type: 'boolean', help: 'may ask for the whole lead' },
  'by-id': { type: 'boolean', help: 'may name leads by their Marketo id' },
  'by-foreign-id': { type: 'boolean', help: 'may name leads by foreignSysPersonId' },
  metrics: { type: 'boolean', help: 'may read /metrics' },
  'expires-at': { type: 'string', value: 'TIME', help: 'such as 2030-01-31T00:00:00Z' },
  'requests-per-second': { type: 'string', value: 'N', help: 'a limit' },
  burst: { type: 'string', value: 'N', help: 'requests at once, a multiple of --requests-per-second' },
  'requests-per-day': { type: 'string', value: 'N', help: 'a limit' },
  ...JSON_OUTPUT,
} as const satisfies Options;

/** `lead-gateway keys create` */
export const createKey = defineCommand({
  name: 'keys create',
  summary: "make a caller's key",
  options: OPTIONS,
  notes: `The new key is printed once, on standard output; the file keeps only its SHA-256.
${EDIT_NOTES}`,
  run: (own, values) => {
    const { name } = values;
    if (name === undefined) throw misused('keys create', '--name is needed: --name NAME');
    const file = keyFileOf('keys create', own, values);
    const kind: KeyKind = values.publishable ? 'publishable' : 'secret';
    const key = writeKey(kind, randomBytes(KEY_BYTES));
    const entry = { name, hash: hashKey(key), kind, ...permissionsOf(kind, values) };
    const edit = editKeyFile(file, { mayCreate: true }, (entries) => {
      entries.push(entry);
      return undefined;
    });
    if (!edit.ok) throw keyFileFailure(edit);
    if (values.json) {
      printJson({ name, kind, key, file });
    } else {
      announce([`The key ${name}, shown only this once:`]);
      print(`${key}\n`);
    }
    if (kind === 'publishable' && values.attributes === undefined) {
      announce([
        `The key ${name} may write no attributes: --attributes FirstName,LastName would allow some, and so does "attributes" in its entry.`,
      ]);
    }
    return 0;
  },
});

/** Only what the key gets is written down; a secret key gets all attributes and workspaces unless told otherwise. */
function permissionsOf(kind: KeyKind, values: OptionValues<typeof OPTIONS>): Record<string, unknown> {
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
    returnLead: values['return-lead'] || undefined,
    byId: values['by-id'] || undefined,
    byForeignId: values['by-foreign-id'] || undefined,
    metrics: values.metrics || undefined,
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
