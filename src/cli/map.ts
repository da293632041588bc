import { readFileSync } from 'node:fs';
import { type KeyEntry, readKeyFile } from '../access/key-file.ts';
import { principalOf } from '../access/keyring.ts';
import type { LeadMap, Source } from '../access/posting.ts';
import { authorize, type Principal } from '../access/principal.ts';
import { readPostedLead } from '../http/forms/posted-lead.ts';
import { toUpsertLead } from '../http/leads/mapping.ts';
import { type MediaType, parseMediaType } from '../http/media-type.ts';
import { invalidLead } from '../http/problems/problem.ts';
import { GatewayError } from '../leads/errors.ts';
import { atOnce } from '../text/sliced.ts';
import { describeFileError } from '../text/text-file.ts';
import {
  announce,
  CommandFailure,
  defineCommand,
  ENV_FILE,
  EXIT_CONFIG,
  EXIT_USAGE,
  misused,
  type Options,
  type OptionValues,
  printJson,
  type Process,
} from './command.ts';
import { loadSome, readText } from './configuration.ts';

const OPTIONS = {
  try: { type: 'string', value: 'FILE', help: 'a body as a sender posts it; required' },
  'key-name': { type: 'string', value: 'NAME', help: 'the key whose map counts; required' },
  'keys-file': { type: 'string', value: 'FILE', help: 'without it, the one in API_KEYS_FILE' },
  type: {
    type: 'string',
    value: 'TYPE',
    help: 'the Content-Type of the body; without it, it is guessed from the beginning',
  },
  ...ENV_FILE,
} as const satisfies Options;

/** `lead-gateway map`: exits with 1 if the body would be refused. Sends and stores nothing. */
export const map = defineCommand({
  name: 'map',
  summary: 'show the lead that a recorded body becomes by the map of a key',
  options: OPTIONS,
  notes: `Standard output has the lead as PUT /leads takes it. Signatures are not checked, and Marketo is not asked.
Exits with 1 if the body would be refused; the reasons point into it.
`,
  run: (own, values) => {
    const { try: file, 'key-name': name } = values;
    if (file === undefined) throw misused('map', '--try is required: --try FILE');
    if (name === undefined) throw misused('map', '--key-name is required: --key-name NAME');
    const caller = principalOf(keyNamed(name, keysFileOf(own, values)));
    const bytes = bytesOf(file);
    if (caller.posting?.map === undefined)
      announce([`The key ${name} has no map: the body is read as the lead itself.`]);
    const type = values.type === undefined ? guessType(bytes) : parseMediaType(values.type);
    try {
      printJson(leadIn(bytes, type, caller));
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const members = (error.errors ?? []).map(({ pointer, detail }) => `  ${pointer} ${detail}`);
      throw new CommandFailure(1, [`It would be refused: ${error.code}. ${error.detail}`, ...members]);
    }
    announce([`The key ${name} may write this lead.`]);
    return 0;
  },
});

/** The body of `PUT /leads` that stands for what was posted. @throws {GatewayError} as a request would fail */
function leadIn(bytes: Buffer, type: MediaType | undefined, caller: Principal): unknown {
  const { body, placeOf = (pointer: string) => pointer } = atOnce(
    readPostedLead(bytes, type, caller.posting),
  );
  const parsed = toUpsertLead(body);
  const placed = <One extends { readonly pointer: string }>(errors: readonly One[]) =>
    errors.map((one) => ({ ...one, pointer: placeOf(one.pointer) }));
  tellMissing(caller.posting?.map, body);
  if (!parsed.ok) throw invalidLead(placed(parsed.errors), parsed.count);
  try {
    authorize(parsed.command, caller);
  } catch (error) {
    throw error instanceof GatewayError ? error.with({ errors: placed(error.errors ?? []) }) : error;
  }
  return body;
}

/** Names the places of the map where the body has nothing: what is missing is left out of the lead without a word. */
function tellMissing(sources: LeadMap | undefined, lead: unknown): void {
  if (sources === undefined) return;
  const { attributes = {}, ...members } = sources;
  const { attributes: found = {}, ...own } = lead as Readonly<Record<string, unknown>>;
  const missing = [...missingIn(members, own), ...missingIn(attributes, found as object)];
  if (missing.length > 0) announce(['The body has nothing for a part of the map:', ...missing]);
}

function missingIn(wanted: object, there: object): readonly string[] {
  return Object.entries(wanted)
    .filter(([name]) => !Object.hasOwn(there, name))
    .map(([name, source]) => `  ${name}: nothing at ${shownSource(source as Source)}`);
}

function shownSource(source: Source): string {
  return typeof source === 'string' ? source : JSON.stringify(source);
}

function keysFileOf(own: Process, values: OptionValues<typeof OPTIONS>): string {
  const path = values['keys-file'] ?? loadSome(own, values['env-file'], ['API_KEYS_FILE']).API_KEYS_FILE;
  if (path === undefined)
    throw misused('map', 'Name the key file with --keys-file FILE or in API_KEYS_FILE.');
  return path;
}

function keyNamed(name: string, path: string): KeyEntry {
  const read = readKeyFile(orFail(path, () => readText(path)));
  if (!read.ok) {
    const mistakes = read.mistakes.map((mistake) => `  ${mistake}`);
    throw new CommandFailure(EXIT_CONFIG, ['The key file cannot be used:', ...mistakes]);
  }
  const entry = read.entries.find((one) => one.name === name);
  if (entry === undefined) throw new CommandFailure(EXIT_USAGE, [`The file has no key ${name}.`]);
  return entry;
}

function bytesOf(path: string): Buffer {
  return orFail(path, () => readFileSync(path));
}

function orFail<Content>(path: string, read: () => Content): Content {
  try {
    return read();
  } catch (error) {
    throw new CommandFailure(EXIT_CONFIG, [`"${path}" ${describeFileError(error)}`]);
  }
}

/** JSON begins with a bracket, multipart/form-data with its boundary, and a form with anything else. */
function guessType(bytes: Buffer): MediaType | undefined {
  const start = bytes.toString('latin1', 0, 200);
  const boundary = /^--([^\r\n]+)\r\n/.exec(start)?.[1];
  if (boundary !== undefined) {
    return { name: 'multipart/form-data', parameters: new Map([['boundary', boundary]]) };
  }
  return parseMediaType(
    /^[\s\u00EF\u00BB\u00BF]*[[{]/.test(start) ? 'application/json' : 'application/x-www-form-urlencoded',
  );
}
