import type { FOREIGN_SYS_TYPES } from '../marketo/protocol.ts';

export type ForeignSysType = (typeof FOREIGN_SYS_TYPES)[number];

/** An id in another system; unique together with its type. */
export type ForeignKey = { readonly id: string; readonly type: ForeignSysType };

/** What a lead was found by, strongest first. */
export type MatchKey = 'Id' | 'ForeignSysPersonId' | 'cookie' | 'Email';

export type Change = { readonly field: string; readonly from: string | null; readonly to: string | null };

export type HistoryEntry = {
  /** Epoch milliseconds. */
  readonly time: number;
  readonly operation: string;
  readonly event: 'CREATED' | 'UPDATED' | 'VISITED' | 'LOST_KEY';
  readonly matchedBy: MatchKey | null;
  readonly changes: readonly Change[];
};

/** A lead as the sandbox keeps it. Readers outside the store must not write to it. */
export type Lead = {
  readonly id: number;
  readonly email: string | null;
  readonly foreign: ForeignKey | null;
  readonly cookies: readonly string[];
  /** Known by a cookie only; ends with the first call that matches the lead. */
  readonly anonymous: boolean;
  readonly partition: string;
  /** Values as they were stored, never empty; without Email. */
  readonly attributes: ReadonlyMap<string, string>;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Grows with every write in the whole store: of two leads the one with the greater number is the later written. */
  readonly revision: number;
  /** Oldest first, at most 50. */
  readonly history: readonly HistoryEntry[];
};

/** What one call writes onto a lead. Absent keys stay as they are; an empty value clears its field. */
export type LeadPatch = {
  readonly email?: string;
  readonly foreign?: ForeignKey;
  readonly cookie?: string;
  readonly attributes?: ReadonlyMap<string, string>;
};
