import type { ErrorCode, GatewayError, MemberError } from './errors.ts';
import type { Origin, UpsertLead } from './lead.ts';

/** A field of leads. */
export type LeadField = {
  /** The names that an attribute may have for it; that of answers is the first. */
  readonly names: readonly string[];
  /** Its name for people. */
  readonly title: string;
  /** Marketo's word for its type in lower case, such as `integer` or `datetime`. */
  readonly type: string;
  /** In characters; null where Marketo does not say. */
  readonly maxLength: number | null;
  readonly isReadOnly: boolean;
  /** Whether it is a field of this subscription only. */
  readonly isCustom: boolean;
};

export type FieldList = {
  readonly fields: readonly LeadField[];
  /** When Marketo was asked for them, in ms since 1970. */
  readonly asOf: number;
};

/** A member of a lead for which it would be refused, found without a call. */
export type LeadFinding = MemberError & {
  /** The problem that the lead would get. */
  readonly error: ErrorCode;
  /** False where Marketo may take the lead all the same. */
  readonly isCertain: boolean;
};

/** What belongs to a question about fields but not to the fields. */
export type FieldContext = Origin & { readonly deadlineMs?: number };

/** The port for callers that ask about fields. Rejects with a GatewayError and with nothing else. */
export type LeadFields = {
  /** What is known now, without a call. */
  known(): FieldList | undefined;
  /** The fields; asks Marketo for them unless they are known. */
  list(context: FieldContext): Promise<FieldList>;
  /** Everything that would be refused in a lead; writes nothing. Asks Marketo for what it needs and does not know. */
  check(
    command: UpsertLead,
    context: FieldContext,
  ): Promise<{
    readonly findings: readonly LeadFinding[];
    /** Why something is not known; undefined if all that is needed is. */
    readonly unread: GatewayError | undefined;
  }>;
};
