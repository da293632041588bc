import { type ErrorCode, GatewayError } from '../leads/errors.ts';
import { SAFE_TO_REPEAT, WHETHER_SAVED } from '../upstream/outcome.ts';

/** The errors that arise while a lead waits, without the upstream having answered (docs/errors.md#problems). */

/** Whole seconds for a Retry-After: never less than one, never too soon. */
export function secondsOf(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}

export function circuitOpen(retryAfterMs: number): GatewayError {
  return new GatewayError('upstream-unreachable', {
    detail:
      'Marketo could not be reached by several calls in a row, so the lead was not sent. Send it again later.',
    retryAfterSeconds: secondsOf(retryAfterMs),
  });
}

/** @param by the upstream has said so, or the gateway has made as many calls as it may */
export function dayIsSpent(by: 'upstream' | 'count', forMs: number): GatewayError {
  return new GatewayError('daily-quota-exhausted', {
    detail:
      by === 'upstream'
        ? "Marketo's daily quota of API calls is used up, so the lead was not sent. Send it again after the time in Retry-After, when the gateway asks Marketo again; the quota is reset at midnight US Central time."
        : 'All the calls to Marketo that may be made in a day (MARKETO_DAILY_CALLS) have been made, by this gateway or by other integrations, so the lead was not sent. Send it again after the time in Retry-After, at midnight US Central time.',
    retryAfterSeconds: secondsOf(forMs),
  });
}

/** What is left may turn out not to be needed: the forecast follows the leads that come. */
const RESERVED_RETRY_SECONDS = 900;

/** The calls that are left are reserved for leads of the other kind. */
export function dayIsReserved(): GatewayError {
  return new GatewayError('daily-quota-exhausted', {
    detail:
      'The calls to Marketo that are left today are reserved: for leads that can share a call if this one can only go alone, and the other way round. The lead was not sent. Send it again after the time in Retry-After; the quota is reset at midnight US Central time.',
    retryAfterSeconds: RESERVED_RETRY_SECONDS,
  });
}

/** The caller has had its part of the calls that were left today. */
export function dayIsShared(): GatewayError {
  return new GatewayError('daily-quota-exhausted', {
    detail:
      'The calls to Marketo that are left today are reserved for leads of other callers, since this one has had its part of them. The lead was not sent. Send it again after the time in Retry-After; the quota is reset at midnight US Central time.',
    retryAfterSeconds: RESERVED_RETRY_SECONDS,
  });
}

export function tooBusy(retryAfterMs: number): GatewayError {
  return new GatewayError('upstream-busy', {
    detail:
      'More leads are waiting than Marketo accepts before the deadline, so the lead was not sent. Send it again after the time in Retry-After.',
    retryAfterSeconds: secondsOf(retryAfterMs),
  });
}

/**
 * @param wasSent whether a call with the lead may have reached the upstream; `and-stored`: an earlier one has stored it
 */
export function deadlinePassed(wasSent: boolean | 'and-stored'): GatewayError {
  if (wasSent === 'and-stored') {
    return new GatewayError('upstream-timeout', {
      detail: 'Marketo did not answer before the deadline. Sending the lead again is safe.',
    });
  }
  return new GatewayError('upstream-timeout', {
    detail: wasSent
      ? 'Marketo did not answer before the deadline, so whether the lead was saved is not known. Sending the lead again is safe.'
      : 'Earlier calls to Marketo took too long, so the lead was not sent before the deadline. Send it again later.',
  });
}

/** When another instance, or this one after a restart, should answer. */
const RESTART_SECONDS = 5;

/**
 * @param mayBeSaved whether a call with the lead may have reached the upstream
 * @param mayCreateForMs how long such a call may still create the lead
 */
export function shuttingDown(mayBeSaved: boolean, mayCreateForMs = 0): GatewayError {
  if (!mayBeSaved) {
    return new GatewayError('unavailable', {
      detail:
        'The gateway is shutting down, so the lead was not sent. Send it again after the time in Retry-After.',
      retryAfterSeconds: RESTART_SECONDS,
    });
  }
  const isSafe =
    mayCreateForMs === 0
      ? 'Sending the lead again is safe.'
      : 'Sending the lead again is safe after the time in Retry-After.';
  return new GatewayError('unavailable', {
    detail: `The gateway is shutting down and Marketo has not answered yet, so whether the lead was saved is not known. ${isSafe}`,
    retryAfterSeconds: Math.max(RESTART_SECONDS, mayCreateForMs / 1000),
  });
}

/** The error with what earlier calls for the lead have stored at the end of its detail. */
export function withNote<Value>(
  { step: { note } }: { readonly step: { readonly note: string | undefined } },
  error: Value,
): Value | GatewayError {
  if (note === undefined || !(error instanceof GatewayError)) return error;
  return error.with({ detail: `${error.detail} ${note}` });
}

/** No client is left to read it. */
export function clientLeft(): GatewayError {
  return new GatewayError('upstream-timeout', { detail: 'The client disconnected before the answer.' });
}

const AGAIN_AFTER = 'Send the request again after the time in Retry-After';

/** What failures of a lookup say, where nothing depends on what has failed. */
const LOOKUP_DETAILS: Partial<Readonly<Record<ErrorCode, string>>> = {
  'upstream-timeout': 'Marketo did not answer before the deadline. Send the request again.',
  'upstream-busy': `More requests are waiting than Marketo accepts before the deadline. ${AGAIN_AFTER}.`,
  'daily-quota-exhausted': `The calls to Marketo of this day are used up, or the rest is reserved for leads. ${AGAIN_AFTER}; the quota is reset at midnight US Central time.`,
  'upstream-unreachable': 'Marketo cannot be reached right now. Send the request again later.',
  unavailable: `The gateway is shutting down. ${AGAIN_AFTER}.`,
};

/** An error in the words of a lookup, which stores nothing and can always be repeated. */
export function inWordsOfLookups<Value>(error: Value): Value | GatewayError {
  if (!(error instanceof GatewayError)) return error;
  const { code, retryable } = error;
  const isPassing = code === 'upstream-error' && retryable === true;
  const detail = isPassing
    ? 'Marketo reports an internal error. Send the request again in a minute.'
    : (LOOKUP_DETAILS[code] ??
      error.detail.replace(
        `${WHETHER_SAVED} ${SAFE_TO_REPEAT}`,
        'whether there is such a lead is not known.',
      ));
  return error.with({ detail });
}
