import {
  type ForeignSysType,
  isSameCommand,
  type LeadRecord,
  type UpsertContext,
  type UpsertLead,
} from './lead.ts';

/** What leads can be looked up by, besides an id in another system. */
export const LOOKUP_MEMBERS = [
  'id',
  'email',
  'marketoCookie',
  'sfdcAccountId',
  'sfdcLeadOwnerId',
  'sfdcOpptyId',
] as const;

/** The one key of a lookup. The cookie is percent-decoded, and an id has its digits. */
export type LookupKey =
  | { readonly by: (typeof LOOKUP_MEMBERS)[number]; readonly value: string }
  | { readonly by: 'foreignSysPersonId'; readonly value: string; readonly type: ForeignSysType };

/** A validated request for all leads with a key. */
export type FindLeads = {
  readonly find: LookupKey;
  /** The attributes to return, sorted and each once; undefined: all. */
  readonly fields: readonly string[] | undefined;
};

/** What a caller may ask of the API that keeps the leads. */
export type LeadCommand = UpsertLead | FindLeads;

export function isFind(command: LeadCommand): command is FindLeads {
  return 'find' in command;
}

/** Whether two commands ask for exactly the same, so that one call can answer both. */
export function isSame(a: LeadCommand, b: LeadCommand): boolean {
  if (isFind(a)) return isFind(b) && isSameFind(a, b);
  return !isFind(b) && isSameCommand(a, b);
}

function isSameFind({ find: a, fields }: FindLeads, { find: b, fields: others }: FindLeads): boolean {
  return (
    a.by === b.by &&
    a.value === b.value &&
    (a.by === 'foreignSysPersonId' ? a.type : undefined) ===
      (b.by === 'foreignSysPersonId' ? b.type : undefined) &&
    fields?.length === others?.length &&
    (fields ?? []).every((name, index) => name === others?.[index])
  );
}

/**
 * The key by which a lookup goes after the leads that came before it, as `orderingKeys` has it. The ids of accounts, owners
 * and opportunities are keys of no lead that is written.
 */
export function lookupKeys({ find }: FindLeads): string[] {
  switch (find.by) {
    case 'id':
      return [`i${find.value}`];
    case 'email':
      return [`e${find.value.toLowerCase()}`];
    case 'marketoCookie':
      return [`c${find.value}`];
    case 'foreignSysPersonId':
      return [`f${find.type} ${find.value}`];
    default:
      return [`${find.by} ${find.value}`];
  }
}

/** The port for callers that read: finds leads, or returns an empty list. Rejects with a GatewayError only. */
export type LeadFinder = {
  find(query: FindLeads, context: UpsertContext): Promise<readonly LeadRecord[]>;
};
