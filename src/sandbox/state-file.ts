import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { ForeignKey } from '../soap-server/answer.ts';
import { decodeText, describeFileError } from '../text/text-file.ts';
import { FOREIGN_SYS_TYPES } from '../text/soap-protocol.ts';
import { readAssignmentRules, readFields, readWorkspaces } from './control/input.ts';
import { readRestSettings } from './control/rest-input.ts';
import type { Timers } from './http-server.ts';
import { type Change, type HistoryEntry, type Lead, MATCH_KEYS } from './leads/lead.ts';
import type { LeadStore } from './leads/store.ts';
import { DEFAULT_SETTINGS, fieldList, fieldMap, type Settings, type SettingsHolder } from './settings.ts';

const VERSION = 1;

type SavedState = {
  readonly settings: Settings;
  readonly leads: readonly Lead[];
  readonly nextId: number;
};

/** The text of the state file (docs/sandbox.md#state); `readState` is its inverse. */
export function writeState(store: LeadStore, settings: SettingsHolder): string {
  const { fields, workspaces, assignmentRules, rest } = settings.current();
  return `${JSON.stringify({
    version: VERSION,
    nextId: store.nextId(),
    workspaces,
    rules: assignmentRules,
    rest,
    fields: fieldList(fields),
    leads: [...store.all()].map((lead) => ({ ...lead, attributes: Object.fromEntries(lead.attributes) })),
  })}\n`;
}

/** @throws {Error} that names the file and the first thing wrong in it */
export function readState(text: string, path: string): SavedState {
  try {
    const state = record(JSON.parse(text), 'the state');
    if (state['version'] !== VERSION) throw new TypeError(`version must be ${VERSION}`);
    const leads = array(state['leads'], 'leads').map(readLead);
    const nextId = number(state['nextId'], 'nextId');
    if (leads.some((lead) => lead.id >= nextId))
      throw new TypeError('nextId must be above every id of a lead');
    return {
      settings: {
        workspaces: readWorkspaces(state['workspaces'], DEFAULT_SETTINGS.workspaces),
        assignmentRules: readAssignmentRules({ rules: state['rules'] }),
        fields: fieldMap(readFields({ fields: state['fields'] })),
        // Files of earlier versions have none.
        rest: state['rest'] === undefined ? DEFAULT_SETTINGS.rest : readRestSettings(state['rest']),
      },
      leads,
      nextId,
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `The sandbox's state file ${path} is not valid: ${reason}. Repair it, or delete it to start with no leads.`,
      { cause: error },
    );
  }
}

function readLead(value: unknown, index: number): Lead {
  const where = `leads[${index}]`;
  const lead = record(value, where);
  const attributes = record(lead['attributes'], `${where}.attributes`);
  return {
    id: number(lead['id'], `${where}.id`),
    email: textOrNull(lead['email'], `${where}.email`),
    foreign: readForeignKey(lead['foreign'], `${where}.foreign`),
    cookies: array(lead['cookies'], `${where}.cookies`).map((cookie) => asText(cookie, `${where}.cookies`)),
    anonymous: lead['anonymous'] === true,
    partition: asText(lead['partition'], `${where}.partition`),
    attributes: new Map(
      Object.entries(attributes).map(([name, held]) => [name, asText(held, `${where}.attributes.${name}`)]),
    ),
    createdAt: number(lead['createdAt'], `${where}.createdAt`),
    updatedAt: number(lead['updatedAt'], `${where}.updatedAt`),
    revision: number(lead['revision'], `${where}.revision`),
    history: array(lead['history'], `${where}.history`).map((entry) =>
      readHistoryEntry(entry, `${where}.history`),
    ),
  };
}

function readForeignKey(value: unknown, where: string): ForeignKey | null {
  if (value === null) return null;
  const key = record(value, where);
  return {
    id: asText(key['id'], `${where}.id`),
    type: oneOf(FOREIGN_SYS_TYPES, key['type'], `${where}.type`),
  };
}

function readHistoryEntry(value: unknown, where: string): HistoryEntry {
  const entry = record(value, where);
  const { matchedBy } = entry;
  return {
    time: number(entry['time'], `${where}.time`),
    operation: asText(entry['operation'], `${where}.operation`),
    event: oneOf(['CREATED', 'UPDATED', 'VISITED', 'LOST_KEY'] as const, entry['event'], `${where}.event`),
    matchedBy: matchedBy === null ? null : oneOf(MATCH_KEYS, matchedBy, `${where}.matchedBy`),
    changes: array(entry['changes'], `${where}.changes`).map((change) =>
      readChange(change, `${where}.changes`),
    ),
  };
}

function readChange(value: unknown, where: string): Change {
  const change = record(value, where);
  return {
    field: asText(change['field'], `${where}.field`),
    from: textOrNull(change['from'], `${where}.from`),
    to: textOrNull(change['to'], `${where}.to`),
  };
}

function record(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${where} must be an object`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function array(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${where} must be a list`);
  return value;
}

function asText(value: unknown, where: string): string {
  if (typeof value !== 'string') throw new TypeError(`${where} must be a string`);
  return value;
}

function textOrNull(value: unknown, where: string): string | null {
  return value === null ? null : asText(value, where);
}

function number(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value))
    throw new TypeError(`${where} must be an integer`);
  return value;
}

function oneOf<const T extends readonly string[]>(known: T, value: unknown, where: string): T[number] {
  const found = known.find((item) => item === value);
  if (found === undefined) throw new TypeError(`${where} must be one of ${known.join(', ')}`);
  return found;
}

/** Keeps a file up to date. */
export type StateFile = {
  /** Writes the state 300 ms later, with all changes until then. */
  changed(): void;
  /** Writes pending changes. */
  close(): void;
};

const GATHER_MS = 300;

/** It holds people's data. */
const OWNER_ONLY = 0o600;

/** The text of the file; null when there is none. @throws {Error} that names a file that cannot be read */
export function readStateFile(path: string): string | null {
  try {
    return decodeText(readFileSync(path));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new Error(`The sandbox's state file "${path}" ${describeFileError(error)}`, { cause: error });
  }
}

/**
 * Writes `state()` to the file at once, so that a wrong path is found at the start, and after every change. The file is
 * replaced as a whole: a crash leaves the old one or the new one. Only its owner can read it.
 * @throws {Error} that names a file that cannot be written
 */
export function createStateFile(
  path: string,
  state: () => string,
  { setTimer, clearTimer }: Timers,
): StateFile {
  const draft = `${path}.tmp`;
  let timer: ReturnType<Timers['setTimer']> | undefined;

  function write(): void {
    try {
      // A draft that a crash left, or a link that somebody else put there, which is removed and not followed.
      rmSync(draft, { force: true });
      writeFileSync(draft, state(), { flag: 'wx', mode: OWNER_ONLY });
      renameSync(draft, path);
    } catch (error) {
      const fault = describeFileError(error, 'written');
      throw new Error(`The sandbox's state file "${path}" ${fault}`, { cause: error });
    }
  }

  write();
  return {
    changed() {
      timer ??= setTimer(() => {
        timer = undefined;
        try {
          write();
        } catch (error) {
          // A full disk must not end the sandbox; the next change tries again.
          process.emitWarning(String(error));
        }
      }, GATHER_MS);
    },
    close() {
      if (timer === undefined) return;
      clearTimer(timer);
      timer = undefined;
      write();
    },
  };
}
