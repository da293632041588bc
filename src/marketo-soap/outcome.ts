import { type ErrorCode, GatewayError, type MemberError } from '../leads/errors.ts';
import type { UpsertLead, UpsertResult } from '../leads/lead.ts';
import { nearestName, spellingFree } from '../leads/nearest-name.ts';
import { memberPointer } from '../text/json.ts';
import { type Fault, faultMeaning, type RetryAdvice, unknownFields } from './faults.ts';
import { type NamedMember, namedMembers, STANDARD_FIELDS } from './named-members.ts';

/** How one attempt ended. `retryAfter` is the upstream's header, as it came. */
export type AttemptOutcome =
  | { readonly kind: 'stored'; readonly result: UpsertResult }
  | { readonly kind: 'rejected'; readonly message: string }
  | { readonly kind: 'fault'; readonly fault: Fault; readonly retryAfter: string | undefined }
  | {
      readonly kind: 'unreadable';
      readonly reason: string;
      readonly said?: string;
      /** Null when the answer was too broken to have one. */
      readonly httpStatus: number | null;
      readonly retryAfter: string | undefined;
      /** Where an answer of 3xx sends us; null when it does not say. */
      readonly redirectsTo?: string | null;
      readonly cause?: unknown;
    }
  /** `wasSent`: the upstream may have worked on it. */
  | {
      readonly kind: 'unreachable';
      readonly wasSent: boolean;
      /** What the proxy on the way did, for people; undefined where it was not the proxy. */
      readonly proxyFailure?: string;
      readonly cause: unknown;
    }
  | { readonly kind: 'timeout'; readonly cause: unknown }
  /** The signal came before anything was sent. */
  | { readonly kind: 'cancelled' };

/** How one record of a batch fared. */
export type RecordOutcome = Extract<AttemptOutcome, { kind: 'stored' | 'rejected' | 'fault' | 'unreadable' }>;

/** How one attempt with many leads ended: with an outcome for each, in their order, or with one for the whole call. */
export type BatchOutcome =
  | { readonly kind: 'answered'; readonly records: readonly RecordOutcome[] }
  /** There were not as many statuses as leads, so nobody knows whose is whose. */
  | { readonly kind: 'mismatched' }
  | Exclude<AttemptOutcome, { kind: 'stored' | 'rejected' }>;

export type FailedOutcome = Exclude<AttemptOutcome, { kind: 'stored' | 'cancelled' }>;

/** Said where a call's end is not known; true for every call, since each is an upsert by key (contract B). */
const SAFE_TO_REPEAT = 'Sending the lead again is safe.';

/** How much of the upstream's words goes on to a caller, in UTF-16 units. It may have said megabytes. */
const MAX_MESSAGE_LENGTH = 2000;
const MAX_WORD_LENGTH = 80;
/** How much of a sentence of theirs goes beside a pointer. */
const MAX_WORDS_LENGTH = 300;
const MAX_POINTERS = 1000;
/** So many names are compared with those of the vendor. */
const MAX_SUGGESTIONS = 20;
const NO_LEAD: UpsertLead = { attributes: [], returnLead: false };
/** Of many names the sentence lists the first; `errors` has them all. */
const MAX_NAMES_TOLD = 10;

/** The start of a foreign text; never half a character. */
function excerpt(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/**
 * Turns the last outcome of a call into the one exception that crosses the port (contract B, "Errors").
 *
 * @param retryAfterSeconds when the same request can succeed, where that is known
 * @param command the lead it happened to: the outcome may be that of a batch and name members of others as well
 */
export function toGatewayError(
  outcome: FailedOutcome,
  retryAfterSeconds?: number,
  command: UpsertLead = NO_LEAD,
): GatewayError {
  const after = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  switch (outcome.kind) {
    case 'rejected': {
      const message = excerpt(outcome.message, MAX_MESSAGE_LENGTH);
      return message === ''
        ? new GatewayError('lead-rejected', { detail: 'Marketo did not save the lead and did not say why.' })
        : new GatewayError('lead-rejected', {
            detail: `Marketo did not save the lead: ${message}`,
            upstream: { message },
            ...refusals(namedMembers(message, command)),
          });
    }
    case 'fault':
      return explainFault(outcome.fault, after, command);
    case 'unreadable': {
      return new GatewayError('upstream-bad-response', {
        detail: `${describeUnreadable(outcome)} ${SAFE_TO_REPEAT}`,
        retryable: isGatewayStatus(outcome.httpStatus),
        cause: outcome.cause,
        ...(outcome.said !== undefined && { upstream: { message: excerpt(outcome.said, MAX_WORD_LENGTH) } }),
        ...after,
      });
    }
    case 'unreachable':
      return new GatewayError('upstream-unreachable', {
        detail: outcome.wasSent
          ? `The connection to Marketo broke before an answer came. ${SAFE_TO_REPEAT}`
          : `Marketo cannot be reached just now${outcome.proxyFailure === undefined ? '' : `: ${outcome.proxyFailure}`}, so the lead was not sent. Send it again later.`,
        cause: outcome.cause,
        ...after,
      });
    case 'timeout':
      return new GatewayError('upstream-timeout', {
        detail: `Marketo did not answer in time, so whether the lead was saved is not known. ${SAFE_TO_REPEAT}`,
        cause: outcome.cause,
        ...after,
      });
  }
}

type Unreadable = Extract<AttemptOutcome, { kind: 'unreadable' }>;

function describeUnreadable(outcome: Unreadable): string {
  const unknown = 'whether the lead was saved is not known.';
  const redirect = describeRedirect(outcome);
  if (redirect !== undefined) {
    return `Marketo ${redirect}: check the endpoint, MARKETO_SOAP_ENDPOINT. It is not followed, so ${unknown}`;
  }
  const status = outcome.httpStatus === null ? '' : ` (HTTP status ${outcome.httpStatus})`;
  return `Marketo's answer ${outcome.reason}${status}, so ${unknown}`;
}

/** What an answer of 3xx does, as it goes on after "Marketo ..."; undefined for any other. */
export function describeRedirect({ httpStatus, redirectsTo }: Unreadable): string | undefined {
  if (redirectsTo === undefined) return undefined;
  const status = `(HTTP status ${httpStatus})`;
  if (redirectsTo !== null) return `redirects to ${redirectsTo} ${status}`;
  return httpStatus === 304
    ? `says that nothing has changed ${status}, as a cache in between does`
    : `redirects without saying where ${status}`;
}

function explainFault(
  fault: Fault,
  after: { retryAfterSeconds?: number },
  command: UpsertLead,
): GatewayError {
  const { error, retry, detail } = faultMeaning(fault.code);
  const code = fault.code === null ? {} : { code: fault.code };
  const message = excerpt(fault.message, MAX_MESSAGE_LENGTH);
  const about = {
    upstream: { ...code, message },
    retryable: retry !== 'never' && retry !== 'reauthenticate',
    ...after,
  };
  const unknown = fault.code === 20105 ? unknownFields(fault.message) : [];
  if (unknown.length > 0) {
    return new GatewayError(error, { ...unknownNames(asSent(unknown, fault.message, command)), ...about });
  }
  if (error === 'lead-not-found')
    return new GatewayError(error, { detail, ...missingLead(command), ...about });
  if (error !== 'lead-rejected') return new GatewayError(error, { detail, ...about });
  const named = namedMembers(message, command);
  const words = named.length === 0 ? '' : ` Look at ${list(named.map(({ path }) => path.at(-1) ?? ''))}.`;
  return new GatewayError(error, { detail: detail + words, ...refusals(named), ...about });
}

/** What is told of attributes the upstream does not know, and which may have been meant. */
function unknownNames(names: readonly string[]): { detail: string; errors: readonly MemberError[] } {
  const meant = names.slice(0, MAX_SUGGESTIONS).map(suggestion);
  const first = meant
    .slice(0, MAX_NAMES_TOLD)
    .flatMap((name, at) =>
      name === undefined
        ? []
        : [names.length === 1 ? name : `${name} for ${excerpt(names[at] ?? '', MAX_WORD_LENGTH)}`],
    );
  const question = first.length > 0 ? ` Did you mean ${first.join(', ')}?` : '';
  return {
    detail: `Marketo has no field named ${list(names)}.${question} Check the spelling; names are case-sensitive.`,
    errors: names.map((name, at) => ({
      pointer: memberPointer('attributes', name),
      detail: `is not the name of a field in Marketo${meant[at] === undefined ? '' : `; did you mean ${meant[at]}?`}`,
    })),
  };
}

/** Names that are a key's in another spelling, in the gateway's own words. */
const KEYS: ReadonlyMap<string, string> = new Map([
  ['id', 'id'],
  ['leadid', 'id'],
  ['email', 'email'],
  ['emailaddress', 'email'],
  ['foreignsyspersonid', 'foreignSysPersonId'],
  ['foreignsystype', 'foreignSysType'],
]);

function suggestion(name: string): string | undefined {
  const key = KEYS.get(spellingFree(name));
  if (key !== undefined) return `the member ${key} beside attributes`;
  const nearest = nearestName(name, STANDARD_FIELDS);
  return nearest === name ? undefined : nearest;
}

/** Pointers to the members a refusal names. */
function refusals(named: readonly NamedMember[]): { errors?: readonly MemberError[] } {
  if (named.length === 0) return {};
  return {
    errors: named.slice(0, MAX_POINTERS).map(({ path, words }) => ({
      pointer: memberPointer(...path),
      detail: `is refused by Marketo: ${excerpt(words, MAX_WORDS_LENGTH)}`,
    })),
  };
}

/** Only an id names a lead that has to be there. */
function missingLead({ id }: UpsertLead): { errors?: readonly MemberError[] } {
  if (id === undefined) return {};
  return { errors: [{ pointer: memberPointer('id'), detail: 'is the id of no lead in Marketo' }] };
}

/**
 * The lead's own names among those the upstream does not know, as the caller spelled them: an outcome of a batch names
 * others' as well, and blanks around a name do not show in a list of names.
 */
function asSent(unknown: readonly string[], message: string, { attributes }: UpsertLead): readonly string[] {
  const named = new Set(unknown);
  const own = attributes
    .map(({ name }) => name)
    .filter((name) => named.has(name.trim()) || (name.includes(',') && isListed(message, name.trim())));
  return own.length > 0 ? own : unknown;
}

/** Whether a name that has commas itself stands in a list of names. */
function isListed(message: string, name: string): boolean {
  const at = message.indexOf(name);
  if (at === -1) return false;
  const before = message.slice(0, at).trimEnd();
  const after = message.slice(at + name.length).trimStart();
  return /[:,]$/.test(before) && /^(?:$|,|\()/.test(after);
}

function list(names: readonly string[]): string {
  const told = names
    .slice(0, MAX_NAMES_TOLD)
    .map((name) => excerpt(name, MAX_WORD_LENGTH))
    .join(', ');
  const untold = names.length - MAX_NAMES_TOLD;
  return untold > 0 ? `${told} and ${untold} more` : told;
}

/** Whether and when another attempt may follow this one (contract B, "Errors"; a timeout is never tried again: it may still be at work). */
export function retryAdvice(outcome: AttemptOutcome): RetryAdvice {
  switch (outcome.kind) {
    case 'fault':
      return faultMeaning(outcome.fault.code).retry;
    case 'unreachable':
      return outcome.wasSent ? 'reconnect' : 'backoff';
    case 'unreadable':
      return isGatewayStatus(outcome.httpStatus) ? 'backoff' : 'never';
    default:
      return 'never';
  }
}

/** Whether a call was refused for the sake of a lead in it, so that the others of its batch could have gone through. */
export function blamesLead(outcome: AttemptOutcome): boolean {
  return outcome.kind === 'fault' && LEADS_FAULT.has(faultMeaning(outcome.fault.code).error);
}

const LEADS_FAULT: ReadonlySet<ErrorCode> = new Set(['lead-rejected', 'lead-not-found', 'unknown-attribute']);

/** The attributes a failure names as unknown; empty when it names none. */
export function unknownAttributes(outcome: AttemptOutcome): readonly string[] {
  return outcome.kind === 'fault' && outcome.fault.code === 20105 ? unknownFields(outcome.fault.message) : [];
}

/** 502, 503 and 504 without a SOAP body come from something in between, and pass. */
function isGatewayStatus(httpStatus: number | null): boolean {
  return httpStatus === 502 || httpStatus === 503 || httpStatus === 504;
}
