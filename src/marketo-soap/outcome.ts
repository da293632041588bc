import { type ErrorCode, excerpt, type MemberError, refusedWith } from '../leads/errors.ts';
import type { UpsertLead, UpsertResult } from '../leads/lead.ts';
import { STANDARD_FIELDS } from '../leads/standard-fields.ts';
import { listNames, unknownAttributesProblem } from '../leads/unknown-attributes.ts';
import { memberPointer } from '../text/json.ts';
import {
  type BatchOutcome,
  CALL_FAILURE,
  type Explanation,
  type Failure,
  type RecordOutcome,
  SAFE_TO_REPEAT,
  unreachable,
  type UpsertOutcome,
  WHETHER_SAVED,
} from '../upstream/outcome.ts';
import { describeRedirect } from '../upstream/redirect.ts';
import { type Fault, FAULT_CODES, faultMeaning, unknownFields } from './faults.ts';
import { type NamedMember, namedMembers } from './named-members.ts';

/** How one attempt ended, in the words of SOAP. `retryAfter` is the upstream's header as it came. */
export type SoapOutcome =
  | { readonly kind: 'stored'; readonly result: UpsertResult }
  | { readonly kind: 'rejected'; readonly message: string }
  | { readonly kind: 'fault'; readonly fault: Fault; readonly retryAfter: string | undefined }
  | {
      readonly kind: 'unreadable';
      /** Goes on after "the answer ...". */
      readonly reason: string;
      readonly said?: string;
      /** Null when the answer was too broken to have one. */
      readonly httpStatus: number | null;
      readonly retryAfter: string | undefined;
      /** Only for a status of 3xx: the target of the redirect, or null without one. */
      readonly redirectsTo?: string | null;
      /** More came than is read of any answer. */
      readonly isTooLarge?: true;
      readonly cause?: unknown;
    }
  | {
      readonly kind: 'unreachable';
      /** Whether the upstream may have worked on the request. */
      readonly wasSent: boolean;
      /** Why the proxy on the way made no connection; undefined if the failure is not the proxy's. */
      readonly proxyFailure?: string;
      readonly cause: unknown;
    }
  | { readonly kind: 'timeout'; readonly cause: unknown }
  /** The signal came before anything was sent. */
  | { readonly kind: 'cancelled' };

/** What became of one record of a batch. */
export type SoapRecordOutcome = Extract<
  SoapOutcome,
  { kind: 'stored' | 'rejected' | 'fault' | 'unreadable' }
>;

/** How one attempt with many leads ended: one outcome for each, in their order, or one for the whole call. */
export type SoapBatchOutcome =
  | { readonly kind: 'answered'; readonly records: readonly SoapRecordOutcome[] }
  /** There were not as many statuses as leads, so they cannot be matched. */
  | { readonly kind: 'mismatched' }
  | Exclude<SoapOutcome, { kind: 'stored' | 'rejected' }>;

/** A call that has failed as a whole. */
export type SoapCallFailure = Exclude<SoapOutcome, { kind: 'stored' | 'rejected' | 'cancelled' }>;

type SoapFailure = Exclude<SoapOutcome, { kind: 'stored' | 'cancelled' }>;
type Cancelled = Extract<SoapOutcome, { kind: 'cancelled' }>;
type Unreadable = Extract<SoapOutcome, { kind: 'unreadable' }>;

/** How much of the upstream's words goes on to a caller, in UTF-16 units. It may have said megabytes. */
const MAX_MESSAGE_LENGTH = 2000;
const MAX_WORD_LENGTH = 80;
/** How much of a sentence of the upstream goes with a pointer. */
const MAX_SENTENCE_LENGTH = 300;
const MAX_POINTERS = 1000;

/** Gives the outcome its meaning. */
export function toUpsertOutcome(outcome: SoapOutcome): UpsertOutcome {
  return outcome.kind === 'stored' || outcome.kind === 'cancelled' ? outcome : toFailure(outcome);
}

/** The same for a batch and each of its records. */
export function toBatchOutcome(outcome: SoapBatchOutcome): BatchOutcome {
  switch (outcome.kind) {
    case 'answered':
      return { kind: 'answered', records: outcome.records.map(toRecordOutcome) };
    case 'mismatched':
    case 'cancelled':
      return outcome;
    default:
      return toFailure(outcome);
  }
}

/** The meaning of a call that was not about a lead, and failed. */
export function toCallFailure(outcome: Exclude<SoapFailure, { kind: 'rejected' }> | Cancelled): Failure {
  return toFailure(
    outcome.kind === 'cancelled' ? { kind: 'unreachable', wasSent: false, cause: undefined } : outcome,
  );
}

function toRecordOutcome(outcome: SoapRecordOutcome): RecordOutcome {
  return outcome.kind === 'stored' ? outcome : toFailure(outcome);
}

/** What a failure means to callers, retries, budgets and metrics; see docs/errors.md and docs/dispatching.md#retries. */
export function toFailure(outcome: SoapFailure): Failure {
  switch (outcome.kind) {
    case 'rejected':
      return rejectedRecord(outcome.message);
    case 'fault':
      return faultFailure(outcome.fault, outcome.retryAfter);
    case 'unreadable': {
      const { httpStatus, retryAfter, said, cause } = outcome;
      const isPassing = isGatewayStatus(httpStatus);
      return {
        ...CALL_FAILURE,
        how: 'unreadable',
        error: 'upstream-bad-response',
        retryable: isPassing,
        advice: isPassing ? 'backoff' : 'never',
        retryAfter,
        explain: () => ({ detail: `${describeUnreadable(outcome)} ${SAFE_TO_REPEAT}` }),
        upstream: said === undefined ? undefined : { message: excerpt(said, MAX_WORD_LENGTH) },
        httpStatus: httpStatus ?? undefined,
        cause,
      };
    }
    case 'unreachable':
      return unreachable(outcome.wasSent, outcome.proxyFailure, outcome.cause);
    case 'timeout':
      // Never tried again: the upstream may still be working on it.
      return {
        ...CALL_FAILURE,
        how: 'timeout',
        error: 'upstream-timeout',
        counted: 'unclear',
        explain: () => ({
          detail: `Marketo did not answer in time, so whether the lead was saved is not known. ${SAFE_TO_REPEAT}`,
        }),
        cause: outcome.cause,
      };
  }
}

function rejectedRecord(text: string): Failure {
  const message = excerpt(text, MAX_MESSAGE_LENGTH);
  return {
    ...CALL_FAILURE,
    how: 'rejected',
    error: 'lead-rejected',
    isolates: 'record',
    explain: (command) =>
      message === ''
        ? { detail: 'Marketo did not save the lead and did not say why.' }
        : {
            detail: `Marketo did not save the lead: ${message}`,
            ...refusals(namedMembers(message, command)),
          },
    upstream: message === '' ? undefined : { message },
  };
}

function describeUnreadable(outcome: Unreadable): string {
  const redirect = redirectOf(outcome);
  if (redirect !== undefined) {
    return `Marketo ${redirect}: check the endpoint, MARKETO_SOAP_ENDPOINT. It is not followed, so ${WHETHER_SAVED}`;
  }
  const status = outcome.httpStatus === null ? '' : ` (HTTP status ${outcome.httpStatus})`;
  return `Marketo's answer ${outcome.reason}${status}, so ${WHETHER_SAVED}`;
}

/** What an answer of 3xx does, as it goes on after "Marketo ..."; undefined for any other. */
export function redirectOf({ httpStatus, redirectsTo }: Unreadable): string | undefined {
  return redirectsTo === undefined ? undefined : describeRedirect(httpStatus, redirectsTo);
}

/** Errors that are about a lead: another lead could have gone through. */
const ABOUT_THE_LEAD: ReadonlySet<ErrorCode> = new Set([
  'lead-rejected',
  'lead-not-found',
  'unknown-attribute',
]);

function faultFailure({ code, message }: Fault, retryAfter: string | undefined): Failure {
  const { error, retry, detail } = faultMeaning(code);
  const text = excerpt(message, MAX_MESSAGE_LENGTH);
  const unknownAttributes = code === 20105 ? unknownFields(message) : [];
  const unknown = new Set(unknownAttributes);
  let explained = 0;
  const explain = (command: UpsertLead): Explanation => {
    if (unknownAttributes.length > 0) {
      explained += 1;
      const own = ownNames(unknown, message, command);
      return unknownAttributesProblem(
        own.length > 0 ? own : unknownAttributes,
        explained <= MAX_SUGGESTED ? STANDARD_FIELDS : [],
      );
    }
    if (error === 'lead-not-found') return { detail, ...missingLead(command) };
    if (error !== 'lead-rejected') return { detail };
    const named = namedMembers(text, command);
    const look =
      named.length === 0 ? '' : ` Look at ${listNames(named.map(({ path }) => path.at(-1) ?? ''))}.`;
    return { detail: detail + look, ...refusals(named) };
  };
  return {
    ...CALL_FAILURE,
    how: 'fault',
    error,
    retryable: retry !== 'never' && retry !== 'reauthenticate',
    advice: retry,
    isolates: ABOUT_THE_LEAD.has(error) ? 'record' : 'call',
    unknownAttributes,
    retryAfter,
    explain,
    upstream: code === null ? { message: text } : { code, message: text },
    codeLabel: codeLabel(code),
  };
}

/** Upstreams may answer any code; a label holds only those that are documented. */
function codeLabel(code: number | null): string {
  if (code === null) return 'none';
  return FAULT_CODES.includes(code) ? String(code) : 'other';
}

/** Pointers to the members a refusal names. */
function refusals(named: readonly NamedMember[]): { errors?: readonly MemberError[] } {
  if (named.length === 0) return {};
  return {
    errors: named.slice(0, MAX_POINTERS).map(({ path, sentence }) => ({
      pointer: memberPointer(...path),
      detail: refusedWith(excerpt(sentence, MAX_SENTENCE_LENGTH)),
    })),
  };
}

/** Only an id names a lead that must exist. */
function missingLead({ id }: UpsertLead): { errors?: readonly MemberError[] } {
  if (id === undefined) return {};
  return { errors: [{ pointer: memberPointer('id'), detail: 'is not the id of a lead in Marketo' }] };
}

/**
 * The unknown names that this lead has, as the caller spelled them: the fault of a batch names those of other leads as
 * well, and the upstream's list does not show blanks around a name.
 */
function ownNames(
  unknown: ReadonlySet<string>,
  message: string,
  { attributes }: UpsertLead,
): readonly string[] {
  let left = MAX_WITH_COMMAS;
  return attributes
    .map(({ name }) => name)
    .filter((name) => {
      if (unknown.has(name.trim())) return true;
      if (!name.includes(',') || left === 0) return false;
      left -= 1;
      return isListed(message, name.trim());
    });
}

/** All leads of a call are explained at once; those behind the first get no suggestions here. */
const MAX_SUGGESTED = 20;
/** For each of them the whole list is searched. */
const MAX_WITH_COMMAS = 20;

/** Whether the upstream's list has this name, which contains commas itself. */
function isListed(message: string, name: string): boolean {
  const at = message.indexOf(name);
  if (at === -1) return false;
  const before = message.slice(0, at).trimEnd().at(-1);
  const after = message
    .slice(at + name.length)
    .trimStart()
    .at(0);
  return (before === ':' || before === ',') && (after === undefined || after === ',' || after === '(');
}

/** 502, 503 and 504 without a SOAP body come from a proxy on the way, and pass. */
function isGatewayStatus(httpStatus: number | null): boolean {
  return httpStatus === 502 || httpStatus === 503 || httpStatus === 504;
}
