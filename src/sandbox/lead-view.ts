import type { HistoryEntry, Lead } from './lead.ts';

/** A lead as the control API shows it; times are ISO 8601 in UTC. */
export type LeadView = {
  readonly id: number;
  readonly email: string | null;
  readonly foreignSysPersonId: string | null;
  readonly foreignSysType: string | null;
  readonly cookies: readonly string[];
  readonly anonymous: boolean;
  readonly partition: string;
  /** Values as they were stored, by field name. */
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
