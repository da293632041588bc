import type { ErrorCode } from '../leads/errors.ts';
import { isLongerThan } from '../text/xml-characters.ts';
import type { RetryAdvice } from '../upstream/outcome.ts';

/** A SOAP fault as the upstream sent it. `code` is null if neither the detail nor the faultstring has one. */
export type Fault = { readonly code: number | null; readonly message: string };

type FaultMeaning = { readonly error: ErrorCode; readonly retry: RetryAdvice; readonly detail: string };

const rejected = (detail: string): FaultMeaning => ({ error: 'lead-rejected', retry: 'never', detail });
const misunderstood = (detail: string): FaultMeaning => ({ error: 'upstream-error', retry: 'never', detail });
const denied = (detail: string): FaultMeaning => ({
  error: 'upstream-access-denied',
  retry: 'never',
  detail,
});
const broken = (detail: string): FaultMeaning => ({ error: 'upstream-error', retry: 'backoff', detail });

/**
 * What each fault code means to a caller and whether to try again (docs/marketo-soap.md#fault-codes). The details are for
 * the caller: what to do, without our credentials or internals.
 */
const FAULTS = {
  10001: broken('Marketo reports an internal error. Send the lead again in a minute.'),
  20011: broken('Marketo reports an internal error. Send the lead again in a minute.'),
  20012: misunderstood('Marketo did not understand the request. Tell the operator of this gateway.'),
  20013: denied(
    'Marketo does not allow this gateway to make the call. The operator must give its API user that permission.',
  ),
  20014: denied(
    "Marketo does not accept this gateway's credentials. The operator must check the user id and the encryption key.",
  ),
  20015: {
    error: 'daily-quota-exhausted',
    retry: 'day-spent',
    detail:
      "Marketo's daily quota of API calls is spent; it is reset at midnight US Central time. Send the lead again after the time in Retry-After, when the gateway asks Marketo again.",
  },
  20016: {
    error: 'upstream-clock-skew',
    retry: 'reauthenticate',
    detail: "Marketo rejects the request's timestamp. The operator must set the clock of this gateway.",
  },
  20017: misunderstood(
    'Marketo requires a parameter that the request lacks. Tell the operator of this gateway.',
  ),
  20018: misunderstood('Marketo cannot read the encoding of the request. Tell the operator of this gateway.'),
  20019: misunderstood('Marketo does not support the operation here. The operator must check the endpoint.'),
  20023: {
    error: 'upstream-busy',
    retry: 'rate-limited',
    detail: 'Marketo accepts no more calls at the moment: there were too many in 20 seconds.',
  },
  20024: {
    error: 'upstream-busy',
    retry: 'too-many-at-once',
    detail: 'Marketo accepts no more calls at the moment: too many are running at the same time.',
  },
  20101: rejected(
    'Marketo needs a key that identifies the lead: id, foreignSysPersonId, marketoCookie or email.',
  ),
  20102: rejected(
    "Marketo does not accept the lead's key. Check id, foreignSysPersonId, marketoCookie and email.",
  ),
  20103: {
    error: 'lead-not-found',
    retry: 'never',
    detail: 'Marketo has no lead with this key. Check id, or leave it out to create a lead.',
  },
  20104: rejected('Marketo needs more about the lead than was sent. Add an email or attributes.'),
  20105: {
    error: 'unknown-attribute',
    retry: 'never',
    detail: 'Marketo does not know an attribute of this lead. Check the names; they are case-sensitive.',
  },
  20106: rejected('Marketo could not save the lead. Check its values.'),
  20108: rejected('Marketo requires a value that the lead lacks. Check its members and attributes.'),
  20109: rejected('Marketo does not accept a value of the lead. Check its members and attributes.'),
  20110: rejected(
    'Marketo does not allow this lead to be written there. Check that the workspace exists and that the lead is in its primary partition.',
  ),
  20111: rejected('Marketo does not find what the lead refers to. Check its values.'),
  20113: rejected('Marketo does not find what the lead refers to. Check its values.'),
  20114: rejected('Marketo does not accept a value of the lead. Check its members and attributes.'),
} satisfies Readonly<Record<number, FaultMeaning>>;

/** An unlisted code is the upstream's error and is not retried (docs/architecture.md#unknown-is-a-known-case). */
const UNLISTED = misunderstood('Marketo refused the call for a reason this gateway does not know.');

const MEANINGS: Readonly<Record<number, FaultMeaning | undefined>> = FAULTS;

/** Every documented code. */
export const FAULT_CODES: readonly number[] = Object.keys(FAULTS).map(Number);

export function faultMeaning(code: number | null): FaultMeaning {
  return (code === null ? undefined : MEANINGS[code]) ?? UNLISTED;
}

const UNKNOWN_FIELDS = /unknown fields? for import:/;

/** A request has at most as many attributes, with names of at most this length (docs/rest-api.md#members). */
const MAX_NAMES = 1000;
const MAX_NAME_LENGTH = 255;

/**
 * The names in the message of fault 20105 (docs/marketo-soap.md#faults); empty if the message has another form. Split and
 * trimmed, because a pattern that does both at once takes quadratic time.
 */
export function unknownFields(message: string): string[] {
  const [, ...rest] = message.split(UNKNOWN_FIELDS);
  const [list = ''] = rest;
  const names = list.trim().endsWith('(20105)') ? list.slice(0, list.lastIndexOf('(')) : list;
  return names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && !isLongerThan(name, MAX_NAME_LENGTH))
    .slice(0, MAX_NAMES);
}
