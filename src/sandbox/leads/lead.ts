import type { ForeignKey } from '../../soap-server/answer.ts';
import { DEFAULT_WORKSPACE } from '../settings.ts';

/** What a lead is found by; by SOAP the strongest of the first four that is given, by REST what `lookupField` says. */
export const MATCH_KEYS = ['Id', 'ForeignSysPersonId', 'cookie', 'Email', 'field'] as const;
export type MatchKey = (typeof MATCH_KEYS)[number];

export type Change = { readonly field: string; readonly from: string | null; readonly to: string | null };

export type HistoryEntry = {
  /** Epoch milliseconds. */
  readonly time: number;
  readonly operation: string;
  readonly event: 'CREATED' | 'UPDATED' | 'VISITED' | 'LOST_KEY';
  readonly matchedBy: MatchKey | null;
  readonly changes: readonly Change[];
};

/** A lead in the store, which alone may write to it. */
export type Lead = {
  readonly id: number;
  readonly email: string | null;
  readonly foreign: ForeignKey | null;
  readonly cookies: readonly string[];
  /** Known by a cookie only, until the first call that matches the lead. */
  readonly anonymous: boolean;
  readonly partition: string;
  /** Never empty values; without Email. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Counts the writes of the whole store: of two leads, the one with the higher number was written later. */
  readonly revision: number;
  /** Oldest first, at most 50. */
  readonly history: readonly HistoryEntry[];
};

/** What one call writes onto a lead. Absent members are unchanged; an empty value clears its field. */
export type LeadPatch = {
  readonly email?: string;
  /** Null removes it. */
  readonly foreign?: ForeignKey | null;
  readonly cookie?: string;
  readonly attributes?: ReadonlyMap<string, string>;
};

/** What a patch writes into a field, by its SOAP name; undefined if it leaves it alone. */
export function writtenValue({ email, attributes }: LeadPatch, field: string): string | undefined {
  return field === 'Email' ? email : attributes?.get(field);
}

/** A lead as the control API shows it; times are ISO 8601 in UTC. */
export type LeadView = {
  readonly id: number;
  readonly email: string | null;
  readonly foreignSysPersonId: string | null;
  readonly foreignSysType: string | null;
  readonly cookies: readonly string[];
  readonly anonymous: boolean;
  readonly partition: string;
  /** By field name. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly updatedAt: string;
};

export type LeadViewWithHistory = LeadView & {
  readonly history: readonly (Omit<HistoryEntry, 'time'> & { readonly time: string })[];
};

export function leadView(lead: Lead): LeadView {
  return {
    id: lead.id,
    email: lead.email,
    foreignSysPersonId: lead.foreign?.id ?? null,
    foreignSysType: lead.foreign?.type ?? null,
    cookies: lead.cookies,
    anonymous: lead.anonymous,
    partition: lead.partition,
    attributes: Object.fromEntries(lead.attributes),
    createdAt: new Date(lead.createdAt).toISOString(),
    updatedAt: new Date(lead.updatedAt).toISOString(),
  };
}

export function leadViewWithHistory(lead: Lead): LeadViewWithHistory {
  return {
    ...leadView(lead),
    history: lead.history.map((entry) => ({ ...entry, time: new Date(entry.time).toISOString() })),
  };
}

const SINCE = Date.UTC(2013, 7, 1);

/**
 * The lead of every example that names a Marketo id, so that the examples work in an empty sandbox. Its id is below those
 * that the store assigns; it is listed once it is written.
 */
export const EXAMPLE_LEAD: Lead = {
  id: 1_000_000,
  email: 'george@example.com',
  foreign: null,
  cookies: [],
  anonymous: false,
  partition: DEFAULT_WORKSPACE,
  attributes: new Map([
    ['FirstName', 'George'],
    ['LeadScore', '62'],
    ['Unsubscribed', '0'],
  ]),
  createdAt: SINCE,
  updatedAt: SINCE,
  revision: 0,
  history: [],
};
