import type { ForeignKey } from '../../soap-server/answer.ts';
import {
  type Change,
  EXAMPLE_LEAD,
  type HistoryEntry,
  type Lead,
  type LeadPatch,
  type MatchKey,
} from './lead.ts';

/** Who writes, when and why: what a history entry needs besides the changes. */
export type WriteNote = {
  readonly nowMs: number;
  readonly operation: string;
  readonly matchedBy: MatchKey | null;
};

/** The sandbox's lead database: leads by id, with an index for each of the other keys. */
export type LeadStore = {
  /** Includes the lead of the examples, which `all` omits until it is written. */
  get(id: number): Lead | undefined;
  /** If overlapping calls made several leads with the key, the one written last. */
  byForeignKey(key: ForeignKey): Lead | undefined;
  allByForeignKey(key: ForeignKey): Lead[];
  byCookie(cookie: string): Lead | undefined;
  /** Ignores case; of several leads the one written last. */
  byEmail(email: string): Lead | undefined;
  allByEmail(email: string): Lead[];
  /** Adds a lead with the next id. */
  insert(partition: string, patch: LeadPatch, note: WriteNote, anonymous?: boolean): Lead;
  /** Writes onto a lead, which is no longer anonymous then. A foreign id or cookie of another lead moves here. */
  update(id: number, patch: LeadPatch, note: WriteNote): Lead;
  /** Removes a lead with its keys. */
  remove(id: number): void;
  all(): Iterable<Lead>;
  clear(): void;
  /** For the state file. */
  nextId(): number;
  restore(leads: readonly Lead[], nextId: number): void;
};

type MutableLead = { -readonly [Key in keyof Lead]: Lead[Key] } & {
  cookies: string[];
  attributes: Map<string, string>;
  history: HistoryEntry[];
};

type State = {
  readonly leads: Map<number, MutableLead>;
  readonly emails: Index;
  readonly foreignKeys: Index;
  readonly cookies: Map<string, number>;
  nextId: number;
  revision: number;
};

const FIRST_ID = 1_000_001;
const MAX_HISTORY = 50;

/** An empty store; ids count up from 1000001. `onChange` is called after every write. */
export function createLeadStore(onChange: () => void): LeadStore {
  const state: State = {
    leads: new Map(),
    emails: createIndex(),
    foreignKeys: createIndex(),
    cookies: new Map(),
    nextId: FIRST_ID,
    revision: 0,
  };
  const { leads, emails, foreignKeys, cookies } = state;
  const get = (id: number | undefined) => (id === undefined ? undefined : leads.get(id));

  return {
    get: (id) => leads.get(id) ?? (id === EXAMPLE_LEAD.id ? EXAMPLE_LEAD : undefined),
    byForeignKey: (key) => latest(state, foreignKeys.get(foreignKeyText(key))),
    allByForeignKey: (key) => foreignKeys.get(foreignKeyText(key)).flatMap((id) => leads.get(id) ?? []),
    byCookie: (cookie) => get(cookies.get(cookie)),
    byEmail: (email) => latest(state, emails.get(emailKey(email))),
    allByEmail: (email) => emails.get(emailKey(email)).flatMap((id) => leads.get(id) ?? []),
    insert(partition, patch, note, anonymous = false) {
      const lead = insert(state, { partition, anonymous }, patch, note);
      onChange();
      return lead;
    },
    update(id, patch, note) {
      if (id === EXAMPLE_LEAD.id && !leads.has(id)) addCopy(state, EXAMPLE_LEAD);
      const lead = leads.get(id);
      if (!lead) throw new RangeError(`There is no lead ${id}.`);
      lead.anonymous = false;
      const changes = apply(state, lead, patch, note);
      remember(lead, { ...note, event: 'UPDATED', changes });
      onChange();
      return lead;
    },
    remove(id) {
      remove(state, id);
      onChange();
    },
    all: () => leads.values(),
    nextId: () => state.nextId,
    clear() {
      empty(state);
      onChange();
    },
    restore(saved, nextId) {
      empty(state);
      for (const lead of saved) addCopy(state, lead);
      state.nextId = nextId;
    },
  };
}

function latest({ leads }: State, ids: readonly number[]): Lead | undefined {
  let found: Lead | undefined;
  for (const id of ids) {
    const lead = leads.get(id);
    if (lead && (!found || lead.revision > found.revision)) found = lead;
  }
  return found;
}

function empty(state: State): void {
  state.leads.clear();
  state.emails.clear();
  state.foreignKeys.clear();
  state.cookies.clear();
  state.nextId = FIRST_ID;
}

function remove({ leads, emails, foreignKeys, cookies }: State, id: number): void {
  const lead = leads.get(id);
  if (!lead) return;
  if (lead.email !== null) emails.remove(emailKey(lead.email), id);
  if (lead.foreign) foreignKeys.remove(foreignKeyText(lead.foreign), id);
  for (const cookie of lead.cookies) cookies.delete(cookie);
  leads.delete(id);
}

/** Adds a lead from the state file or the examples as it is. */
function addCopy(state: State, lead: Lead): void {
  state.leads.set(lead.id, {
    ...lead,
    cookies: [...lead.cookies],
    attributes: new Map(lead.attributes),
    history: [...lead.history],
  });
  if (lead.email !== null) state.emails.add(emailKey(lead.email), lead.id);
  if (lead.foreign) state.foreignKeys.add(foreignKeyText(lead.foreign), lead.id);
  for (const cookie of lead.cookies) state.cookies.set(cookie, lead.id);
  state.revision = Math.max(state.revision, lead.revision);
}

function insert(
  state: State,
  { partition, anonymous }: Pick<Lead, 'partition' | 'anonymous'>,
  patch: LeadPatch,
  note: WriteNote,
): Lead {
  const lead: MutableLead = {
    id: state.nextId++,
    email: null,
    foreign: null,
    cookies: [],
    anonymous,
    partition,
    attributes: new Map(),
    createdAt: note.nowMs,
    updatedAt: note.nowMs,
    revision: 0,
    history: [],
  };
  state.leads.set(lead.id, lead);
  // Two overlapping calls for one new key make two leads, and both keep it: it moves with an update only.
  if (patch.foreign) {
    lead.foreign = patch.foreign;
    state.foreignKeys.add(foreignKeyText(patch.foreign), lead.id);
  }
  const changes = apply(state, lead, patch, note);
  if (patch.foreign) changes.unshift(...foreignKeyChanges(null, patch.foreign));
  remember(lead, { ...note, event: anonymous ? 'VISITED' : 'CREATED', changes });
  return lead;
}

/** Writes a patch and returns what it changed. */
function apply(state: State, lead: MutableLead, patch: LeadPatch, note: WriteNote): Change[] {
  const changes: Change[] = [];
  if (patch.email !== undefined) setEmail(state, lead, patch.email === '' ? null : patch.email, changes);
  if (patch.foreign) setForeignKey(state, lead, patch.foreign, changes, note);
  else if (patch.foreign === null) clearForeignKey(state, lead, changes);
  if (patch.cookie !== undefined) setCookie(state, lead, patch.cookie, changes, note);
  for (const [field, value] of patch.attributes ?? []) {
    const from = lead.attributes.get(field) ?? null;
    const to = value === '' ? null : value;
    if (from === to) continue;
    changes.push({ field, from, to });
    if (to === null) lead.attributes.delete(field);
    else lead.attributes.set(field, to);
  }
  if (changes.length > 0) lead.updatedAt = note.nowMs;
  lead.revision = ++state.revision;
  return changes;
}

function setEmail({ emails }: State, lead: MutableLead, email: string | null, changes: Change[]): void {
  if (email === lead.email) return;
  changes.push({ field: 'Email', from: lead.email, to: email });
  if (lead.email !== null) emails.remove(emailKey(lead.email), lead.id);
  if (email !== null) emails.add(emailKey(email), lead.id);
  lead.email = email;
}

function setForeignKey(
  { leads, foreignKeys }: State,
  lead: MutableLead,
  key: ForeignKey,
  changes: Change[],
  note: WriteNote,
): void {
  if (lead.foreign && foreignKeyText(lead.foreign) === foreignKeyText(key)) return;
  if (lead.foreign) foreignKeys.remove(foreignKeyText(lead.foreign), lead.id);
  // All keys but Email are unique, and a key sent with an Id is written onto that lead (docs/marketo-soap.md#keys).
  for (const otherId of foreignKeys.get(foreignKeyText(key)).slice()) {
    const other = leads.get(otherId);
    if (!other) continue;
    foreignKeys.remove(foreignKeyText(key), otherId);
    other.foreign = null;
    loseKey(other, 'ForeignSysPersonId', key.id, note);
  }
  changes.push(...foreignKeyChanges(lead.foreign, key));
  lead.foreign = key;
  foreignKeys.add(foreignKeyText(key), lead.id);
}

function foreignKeyChanges(from: ForeignKey | null, to: ForeignKey | null): readonly Change[] {
  const id = { field: 'ForeignSysPersonId', from: from?.id ?? null, to: to?.id ?? null };
  const type = { field: 'ForeignSysType', from: from?.type ?? null, to: to?.type ?? null };
  return type.from === type.to ? [id] : [id, type];
}

function clearForeignKey({ foreignKeys }: State, lead: MutableLead, changes: Change[]): void {
  if (!lead.foreign) return;
  changes.push(...foreignKeyChanges(lead.foreign, null));
  foreignKeys.remove(foreignKeyText(lead.foreign), lead.id);
  lead.foreign = null;
}

function setCookie(
  { leads, cookies }: State,
  lead: MutableLead,
  cookie: string,
  changes: Change[],
  note: WriteNote,
): void {
  const holderId = cookies.get(cookie);
  if (holderId === lead.id) return;
  const holder = holderId === undefined ? undefined : leads.get(holderId);
  if (holder) {
    holder.cookies = holder.cookies.filter((other) => other !== cookie);
    loseKey(holder, 'cookie', cookie, note);
  }
  cookies.set(cookie, lead.id);
  lead.cookies.push(cookie);
  changes.push({ field: 'cookie', from: null, to: cookie });
}

function loseKey(lead: MutableLead, field: string, value: string, note: WriteNote): void {
  const changes = [{ field, from: value, to: null }];
  remember(lead, { ...note, event: 'LOST_KEY', matchedBy: null, changes });
}

function remember(lead: MutableLead, note: WriteNote & Pick<HistoryEntry, 'event' | 'changes'>): void {
  const { nowMs, operation, event, matchedBy, changes } = note;
  lead.history.push({ time: nowMs, operation, event, matchedBy, changes });
  if (lead.history.length > MAX_HISTORY) lead.history.shift();
}

function emailKey(email: string): string {
  return email.toLowerCase();
}

function foreignKeyText(key: ForeignKey): string {
  return `${key.type}:${key.id}`;
}

type Index = ReturnType<typeof createIndex>;

/** Ids by key; most keys have one. */
function createIndex() {
  const idsOf = new Map<string, number[]>();
  return {
    get: (text: string): readonly number[] => idsOf.get(text) ?? [],
    add(text: string, id: number): void {
      const ids = idsOf.get(text);
      if (ids) ids.push(id);
      else idsOf.set(text, [id]);
    },
    remove(text: string, id: number): void {
      const rest = (idsOf.get(text) ?? []).filter((other) => other !== id);
      if (rest.length > 0) idsOf.set(text, rest);
      else idsOf.delete(text);
    },
    clear: (): void => idsOf.clear(),
  };
}
