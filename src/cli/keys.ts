import { randomBytes } from 'node:crypto';
import { loadSome, readText } from './configuration.ts';
import {
  announce,
  columns,
  CommandFailure,
  defineCommand,
  ENV_FILE,
  EXIT_CONFIG,
  EXIT_USAGE,
  JSON_OUTPUT,
  misused,
  type Options,
  type OptionValues,
  print,
  printJson,
  type Process,
} from './command.ts';
import { editKeyFile, type EditResult, type RawEntry } from '../access/edit-key-file.ts';
import { hashKey, KEY_BYTES, type KeyKind, writeKey } from '../access/api-key.ts';
import { type KeyEntry, readKeyFile } from '../access/key-file.ts';
import { describeFileError } from '../text/text-file.ts';

const KEY_FILE = {
  file: { type: 'string', value: 'FILE', help: 'the key file; without it, the one in API_KEYS_FILE' },
  ...ENV_FILE,
} as const satisfies Options;

/** How permissions are changed: part of the help. */
const EDIT_NOTES = `
To change what a key may do, edit its entry in the file; a running gateway notices. There the options are
  --origins, --attributes, --workspaces    "origins", "attributes", "workspaces": ["A", "B"]
  --default-workspace, --expires-at        "defaultWorkspace", "expiresAt": "TEXT"
  --return-lead, --by-id,                  "returnLead", "byId",
  --by-foreign-id, --metrics, --outbox     "byForeignId", "metrics", "outbox": true
  --success-url, --error-url, --honeypot   "successUrl", "errorUrl", "honeypot": "TEXT"
  --signature, --secret-file, --secret-env "signature": { "scheme": "TEXT", "secretFile": "FILE" }
  --requests-per-second, --burst,          "rateLimit": { "requestsPerSecond": N, "burst": N,
  --requests-per-day                                      "requestsPerDay": N }
`;

type Given = { readonly file: string | undefined; readonly 'env-file': readonly string[] };

/** The path of the key file. @throws {CommandFailure} if none is named */
function keyFileOf(command: string, own: Process, { file, 'env-file': envFiles }: Given): string {
  const path = file ?? loadSome(own, envFiles, ['API_KEYS_FILE']).API_KEYS_FILE;
  if (path === undefined) throw misused(command, 'Name the key file with --file FILE or in API_KEYS_FILE.');
  return path;
}

/** The failure of a command that could not read or change the file. */
function keyFileFailure({ fault, mistakes }: EditResult & { ok: false }): CommandFailure {
  const heading = fault === 'file' ? 'The key file cannot be used:' : 'The key file was not changed:';
  return new CommandFailure(fault === 'file' ? EXIT_CONFIG : EXIT_USAGE, [
    heading,
    ...mistakes.map((mistake) => `  ${mistake}`),
  ]);
}

const OPTIONS = {
  name: { type: 'string', value: 'NAME', help: 'what logs and metrics call the key; required' },
  ...KEY_FILE,
  publishable: { type: 'boolean', help: 'for browsers and apps; without it the key is secret' },
  webhook: {
    type: 'boolean',
    help: 'for a sender of webhooks, in its address; without it the key is secret',
  },
  origins: {
    type: 'string',
    value: 'A,B',
    help: 'where a publishable key may be used, such as https://www.example.com',
  },
  attributes: {
    type: 'string',
    value: 'A,B',
    help: 'names or patterns (Lead*); without it a secret key may write all',
  },
  workspaces: { type: 'string', value: 'A,B', help: 'without it a secret key may use all' },
  'default-workspace': { type: 'string', value: 'NAME', help: 'for requests that name none' },
  'return-lead': { type: 'boolean', help: 'may ask for the stored lead' },
  'by-id': { type: 'boolean', help: 'may name leads by their Marketo id' },
  'by-foreign-id': { type: 'boolean', help: 'may name leads by foreignSysPersonId' },
  metrics: { type: 'boolean', help: 'may read /metrics and /status' },
  outbox: { type: 'boolean', help: 'may see and change what the outbox holds, leads included' },
  'success-url': {
    type: 'string',
    value: 'URL',
    help: 'where browsers go after a form of a publishable key',
  },
  'error-url': { type: 'string', value: 'URL', help: 'where they go if the form was refused' },
  honeypot: { type: 'string', value: 'NAME', help: 'the field of forms that people leave empty' },
  signature: {
    type: 'string',
    value: 'SCHEME',
    help: 'how a webhook is signed: standard-webhooks, typeform, stripe, calendly or webflow',
  },
  'secret-file': { type: 'string', value: 'FILE', help: "the secret of the webhook's signatures" },
  'secret-env': { type: 'string', value: 'NAME', help: 'the variable with that secret' },
  'expires-at': { type: 'string', value: 'TIME', help: 'such as 2030-01-31T00:00:00Z' },
  'requests-per-second': { type: 'string', value: 'N', help: 'a limit' },
  burst: { type: 'string', value: 'N', help: 'requests at once, a multiple of --requests-per-second' },
  'requests-per-day': { type: 'string', value: 'N', help: 'a limit' },
  ...JSON_OUTPUT,
} as const satisfies Options;

/** `lead-gateway keys create` */
export const createKey = defineCommand({
  name: 'keys create',
  summary: "create a caller's key",
  options: OPTIONS,
  notes: `The new key is printed once, on standard output; the file keeps only its SHA-256.
${EDIT_NOTES}`,
  run: (own, values) => {
    const { name } = values;
    if (name === undefined) throw misused('keys create', '--name is required: --name NAME');
    const file = keyFileOf('keys create', own, values);
    if (values.publishable && values.webhook) {
      throw misused('keys create', 'A key is for --publishable or for --webhook, not for both.');
    }
    const kind: KeyKind = values.publishable ? 'publishable' : values.webhook ? 'webhook' : 'secret';
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
    if (kind !== 'secret' && values.attributes === undefined) {
      announce([
        `The key ${name} may not write any attributes: allow some with --attributes FirstName,LastName or with "attributes" in its entry.`,
      ]);
    }
    return 0;
  },
});

/** The permissions in the entry; a secret key gets all attributes and workspaces unless the options say otherwise. */
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
    outbox: values.outbox || undefined,
    successUrl: values['success-url'],
    errorUrl: values['error-url'],
    honeypot: values.honeypot,
    signature: signatureOf(values),
    rateLimit: Object.keys(rateLimit).length > 0 ? rateLimit : undefined,
  });
}

/** The rules of the file refuse what does not go together. */
function signatureOf(values: OptionValues<typeof OPTIONS>): Record<string, unknown> | undefined {
  const rule = withoutUndefined({
    scheme: values.signature,
    secretFile: values['secret-file'],
    secretEnv: values['secret-env'],
  });
  return Object.keys(rule).length > 0 ? rule : undefined;
}

function withoutUndefined(members: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function listOf(value: string | undefined): string[] | undefined {
  return value?.split(',').map((part) => part.trim());
}

/** What is not a number stays a text, which the rules of the file refuse by name. */
function numberOf(value: string | undefined): number | string | undefined {
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : value;
}

/** `lead-gateway keys list` */
export const listKeys = defineCommand({
  name: 'keys list',
  summary: 'show the keys of a file, without their hashes',
  options: { ...KEY_FILE, ...JSON_OUTPUT },
  notes: `Long lists are cut; --json shows all of them.
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
      permissionNames(entry),
      limitsOf(entry),
    ]);
    print(columns([HEADINGS, ...rows]));
    return 0;
  },
});

function entriesOf(file: string): readonly KeyEntry[] {
  let content;
  try {
    content = readText(file);
  } catch (error) {
    const complaint = `"${file}" ${describeFileError(error)}`;
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

/** As the options of `keys create` are called. */
function permissionNames({ returnLead, byId, byForeignId, metrics, outbox }: KeyEntry): string {
  const may = { 'return-lead': returnLead, 'by-id': byId, 'by-foreign-id': byForeignId, metrics, outbox };
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

/** `lead-gateway keys revoke` */
export const revokeKey = defineCommand({
  name: 'keys revoke',
  summary: 'revoke a key for good',
  options: {
    name: { type: 'string', value: 'NAME', help: 'which key; required' },
    ...KEY_FILE,
    ...JSON_OUTPUT,
  },
  notes: 'A running gateway notices.\n',
  run: (own, values) => {
    const { name } = values;
    if (name === undefined) throw misused('keys revoke', '--name is required: --name NAME');
    const file = keyFileOf('keys revoke', own, values);
    let revokedAt: unknown;
    const edit = editKeyFile(file, { mayCreate: false }, (entries: RawEntry[]) => {
      const entry = entries.find((candidate) => candidate.name === name);
      if (entry === undefined) return `the file has no key ${name}`;
      entry['revokedAt'] ??= new Date().toISOString();
      revokedAt = entry['revokedAt'];
      return undefined;
    });
    if (!edit.ok) throw keyFileFailure(edit);
    if (values.json) printJson({ name, revokedAt, file });
    else announce([`The key ${name} is revoked; a running gateway notices.`]);
    return 0;
  },
});
