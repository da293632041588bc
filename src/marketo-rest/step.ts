import type { UpsertLead, UpsertResult } from '../leads/lead.ts';
import type { FindLeads } from '../leads/lookup.ts';
import type { Failure } from '../upstream/outcome.ts';
import type { Step } from '../upstream/step.ts';
import type { Field } from './fields.ts';
import type { LeadJson } from './record.ts';

/** What a lead's plan of calls has come to; it goes from step to step. */
export type Plan = {
  readonly command: UpsertLead;
  /** The partition of the lead's workspace; undefined for the default one. */
  readonly partition: string | undefined;
  /** It has started again, because the lead that it had found was not there any more. */
  readonly wasRestarted: boolean;
  /** Until when a call that another process made for the lead may go on, in monotonic ms. */
  readonly othersMayRunUntilMs: number;
  /** Marketo did not know a field of this JSON, so it is sent again only if Describe changes it. */
  readonly refused: { readonly json: string; readonly failure: Failure } | undefined;
};

/** What Marketo has stored already. */
export type StoredLead = Pick<UpsertResult, 'leadId' | 'status'>;

type Common = Step & { readonly plan: Plan };

/** What a subscription says of itself, each in a call of its own. */
export type Fact = 'describe' | 'describe2' | 'partitions';

/** The lead waits for a fact. */
export type FactStep = Common & {
  readonly kind: 'fact';
  readonly fact: Fact;
  /** A fact that was read at this time, in monotonic ms, is too old. */
  readonly staleMs: number | undefined;
};

/** Writes the lead. */
export type SyncStep = Common & {
  readonly kind: 'sync';
  readonly action: 'createOrUpdate' | 'updateOnly';
  readonly lookupField: string;
  /** The value of `lookupField`, as text. */
  readonly key: string;
  readonly partition: string | undefined;
  readonly lead: LeadJson;
  /** The lead as a JSON object. */
  readonly json: string;
  /** Whether its cookie is linked next. */
  readonly associates: boolean;
};

/**
 * What a find is made for: `key`: the lead that a key means; `partition`: whether an id is in its workspace; `moved`: the
 * lead that is in another partition; `recover`: what became of a call whose end is not known; `read-back`: the answer.
 */
export type FindPurpose =
  | { readonly kind: 'key' | 'partition'; readonly lead: LeadJson }
  | { readonly kind: 'moved'; readonly sync: SyncStep }
  | { readonly kind: 'recover'; readonly sync: SyncStep; readonly untilMs: number }
  | { readonly kind: 'read-back'; readonly stored: StoredLead };

/** A lead of an answer. */
export type FoundLead = Readonly<Record<string, unknown>>;

/** What a call asks for that finds leads. */
type Finding = {
  readonly filterType: string;
  readonly value: string;
  /** As in the query. */
  readonly fields: string;
  /** Where it goes on, and what earlier pages had for the value. */
  readonly page:
    | { readonly token: string; readonly number: number; readonly found: readonly FoundLead[] }
    | undefined;
  /** How it must be sent, because Marketo refused the other way. */
  readonly sentAs: 'form' | 'address' | undefined;
};

export type FindStep = Common & Finding & { readonly kind: 'find'; readonly purpose: FindPurpose };

/** A caller has asked for the leads with a key. */
export type LookupStep = Step &
  Finding & {
    readonly kind: 'lookup';
    readonly lookup: FindLeads;
    /** The fields that become attributes. */
    readonly returned: readonly Field[];
  };

/** A lookup waits for a fact. */
export type LookupFactStep = Step &
  Pick<FactStep, 'fact' | 'staleMs'> & { readonly kind: 'lookup-fact'; readonly lookup: FindLeads };

/** Links the cookie with the stored lead. */
export type AssociateStep = Common & { readonly kind: 'associate'; readonly stored: StoredLead };

/** A call of a lead's plan. */
export type PlanStep = FactStep | SyncStep | FindStep | AssociateStep;

export type RestStep = PlanStep | LookupStep | LookupFactStep;
