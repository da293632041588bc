import {
  type Change,
  EXAMPLE_LEAD,
  type HistoryEntry,
  type Lead,
  type LeadPatch,
  type MatchKey,
} from './lead.ts';
import type { ForeignKey } from '../../soap-server/operation.ts';

/** Who writes, when and why: what a history entry needs besides the changes. */
export type WriteNote = {
  readonly nowMs: number;
  readonly operation: string;
  readonly matchedBy: MatchKey | null;
};

/** The sandbox's lead database: leads by id, with an index for each other key. Nothing else holds leads. */
export type LeadStore = {
  /** Also the lead of the examples, which `all` does not have before it is written. */
  get(id: number): Lead | undefined;
  /** Of several leads with the key (made by overlapping calls) the one written last. */
  byForeignKey(key: ForeignKey): Lead | undefined;
  byCookie(cookie: string): Lead | undefined;
  /** Without regard to case; of several the one written last. */
  byEmail(email: string): Lead | undefined;
  allByEmail(email: string): Lead[];
  /** Adds a lead with the next id. */
  insert(partition: string, patch: LeadPatch, note: WriteNote, anonymous?: boolean): Lead;
  /** Writes onto a lead, which thereby becomes known. A foreign id or cookie of another lead moves here. */
  update(id: number, patch: LeadPatch, note: WriteNote): Lead;
  all(): Iterable<Lead>;
  size(): number;
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

const FIRST_ID = 1_000_001;
const MAX_HISTORY = 50;

/** An empty store; ids count up from 1000001. `onChange` is called after every write. */
export function createLeadStore(onChange: () => void): LeadStore {
  const leads = new Map<number, MutableLead>();
  const emails = createIndex();
  const foreignKeys = createIndex();
  const cookies = new Map<string, number>();
  let nextId = FIRST_ID;
  let revision = 0;

  function latest(ids: readonly number[]): Lead | undefined {
    let found: Lead | undefined;
    for (const id of ids) {
      const lead = leads.get(id);
      if (lead && (!found || lead.revision > found.revision)) found = lead;
    }
    return found;
  }

  function setEmail(lead: MutableLead, email: string | null, changes: Change[]): void {
    if (email === lead.email) return;
    changes.push({ field: 'Email', from: lead.email, to: email });
    if (lead.email !== null) emails.remove(emailKey(lead.email), lead.id);
    if (email !== null) emails.add(emailKey(email), lead.id);
    lead.email = email;
  }

  function setForeignKey(lead: MutableLead, key: ForeignKey, changes: Change[], note: WriteNote): void {
    if (lead.foreign && foreignKeyText(lead.foreign) === foreignKeyText(key)) return;
    if (lead.foreign) foreignKeys.remove(foreignKeyText(lead.foreign), lead.id);
    // All keys but Email are unique (contract A), and the key sent with an Id is written onto that lead: it moves.
    for (const otherId of foreignKeys.get(foreignKeyText(key)).slice()) {
      const other = leads.get(otherId);
      if (!other) continue;
      foreignKeys.remove(foreignKeyText(key), otherId);
      other.foreign = null;
      const lost = [{ field: 'ForeignSysPersonId', from: key.id, to: null }];
      remember(other, { ...note, event: 'LOST_KEY', matchedBy: null, changes: lost });
    }
    changes.push({ field: 'ForeignSysPersonId', from: lead.foreign?.id ?? null, to: key.id });
    if (lead.foreign?.type !== key.type) {
      changes.push({ field: 'ForeignSysType', from: lead.foreign?.type ?? null, to: key.type });
    }
    lead.foreign = key;
    foreignKeys.add(foreignKeyText(key), lead.id);
  }

  function setCookie(lead: MutableLead, cookie: string, changes: Change[], note: WriteNote): void {
    const holderId = cookies.get(cookie);
    if (holderId === lead.id) return;
    const holder = holderId === undefined ? undefined : leads.get(holderId);
    if (holder) {
      holder.cookies = holder.cookies.filter((other) => other !== cookie);
      const lost = [{ field: 'cookie', from: cookie, to: null }];
      remember(holder, { ...note, event: 'LOST_KEY', matchedBy: null, changes: lost });
    }
    cookies.set(cookie, lead.id);
    lead.cookies.push(cookie);
    changes.push({ field: 'cookie', from: null, to: cookie });
  }

  /** Adds a lead as it is, from a file or from the examples. */
  function add(lead: Lead): void {
    leads.set(lead.id, {
      ...lead,
      cookies: [...lead.cookies],
      attributes: new Map(lead.attributes),
      history: [...lead.history],
    });
    if (lead.email !== null) emails.add(emailKey(lead.email), lead.id);
    if (lead.foreign) foreignKeys.add(foreignKeyText(lead.foreign), lead.id);
    for (const cookie of lead.cookies) cookies.set(cookie, lead.id);
    revision = Math.max(revision, lead.revision);
  }

  function apply(lead: MutableLead, patch: LeadPatch, note: WriteNote): Change[] {
    const changes: Change[] = [];
    if (patch.email !== undefined) setEmail(lead, patch.email === '' ? null : patch.email, changes);
    if (patch.foreign) setForeignKey(lead, patch.foreign, changes, note);
    if (patch.cookie !== undefined) setCookie(lead, patch.cookie, changes, note);
    for (const [field, value] of patch.attributes ?? []) {
      const from = lead.attributes.get(field) ?? null;
      const to = value === '' ? null : value;
      if (from === to) continue;
      changes.push({ field, from, to });
      if (to === null) lead.attributes.delete(field);
      else lead.attributes.set(field, to);
    }
    lead.updatedAt = note.nowMs;
    lead.revision = ++revision;
    return changes;
  }

  return {
    get: (id) => leads.get(id) ?? (id === EXAMPLE_LEAD.id ? EXAMPLE_LEAD : undefined),
    byForeignKey: (key) => latest(foreignKeys.get(foreignKeyText(key))),
    byCookie(cookie) {
      const id = cookies.get(cookie);
      return id === undefined ? undefined : leads.get(id);
    },
    byEmail: (email) => latest(emails.get(emailKey(email))),
    allByEmail: (email) => emails.get(emailKey(email)).flatMap((id) => leads.get(id) ?? []),

    insert(partition, patch, note, anonymous = false) {
      const lead: MutableLead = {
        id: nextId++,
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
      leads.set(lead.id, lead);
      // Two overlapping calls for one new key make two leads: the first keeps the key as well, nothing moves.
      if (patch.foreign) {
        lead.foreign = patch.foreign;
        foreignKeys.add(foreignKeyText(patch.foreign), lead.id);
      }
      const changes = apply(lead, patch, note);
      if (patch.foreign) {
        changes.unshift(
          { field: 'ForeignSysPersonId', from: null, to: patch.foreign.id },
          { field: 'ForeignSysType', from: null, to: patch.foreign.type },
        );
      }
      remember(lead, { ...note, event: anonymous ? 'VISITED' : 'CREATED', changes });
      onChange();
      return lead;
    },

    update(id, patch, note) {
      if (id === EXAMPLE_LEAD.id && !leads.has(id)) add(EXAMPLE_LEAD);
      const lead = leads.get(id);
      if (!lead) throw new RangeError(`There is no lead ${id}.`);
      lead.anonymous = false;
      const changes = apply(lead, patch, note);
      remember(lead, { ...note, event: 'UPDATED', changes });
      onChange();
      return lead;
    },

    all: () => leads.values(),
    size: () => leads.size,
    nextId: () => nextId,

    clear() {
      leads.clear();
      emails.clear();
      foreignKeys.clear();
      cookies.clear();
      nextId = FIRST_ID;
      onChange();
    },

    restore(saved, savedNextId) {
      leads.clear();
      emails.clear();
      foreignKeys.clear();
      cookies.clear();
      for (const lead of saved) add(lead);
      nextId = savedNextId;
    },
  };
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

/** Ids under a text; most texts have one. */
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
