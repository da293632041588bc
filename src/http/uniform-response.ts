import { type ErrorCode, GatewayError } from '../leads/errors.ts';
import { PROBLEM_TYPES } from './problems/types.ts';

/**
 * Blind answers come at the end of a step of this length, counted from when the lead was handed on. How long an upstream
 * takes to create a lead and how long to find one differ by less than that, as a rule.
 */
export const RESPONSE_STEP_MS = 500;

/** Problems that may have to do with the person, as against the request, the gateway or the upstream. */
const ABOUT_THE_PERSON = {
  'lead-rejected': true,
  'lead-not-found': true,
  'malformed-json': false,
  unauthorized: false,
  forbidden: false,
  'not-found': false,
  'method-not-allowed': false,
  'body-too-large': false,
  'unsupported-media-type': false,
  'validation-failed': false,
  'rate-limited': false,
  'unknown-attribute': false,
  'upstream-error': false,
  'upstream-access-denied': false,
  'upstream-clock-skew': false,
  'daily-quota-exhausted': false,
  'upstream-busy': false,
  'upstream-unreachable': false,
  'upstream-timeout': false,
  'upstream-bad-response': false,
  unavailable: false,
  'internal-error': false,
} as const satisfies Record<ErrorCode, boolean>;

/**
 * Writes a lead for a caller who must not learn whether the person was known. Resolves alike when the lead was created,
 * updated or refused for what it is; rejects with what any caller may know, without the upstream's words. Either takes
 * whole steps of time.
 *
 * @returns the problem that is not told, for the log
 */
export async function hideOutcome(
  write: () => Promise<unknown>,
  nowMs: () => number = () => performance.now(),
): Promise<ErrorCode | undefined> {
  const startedMs = nowMs();
  const failure = await write().then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const elapsedMs = nowMs() - startedMs;
  await new Promise((resolve) => {
    setTimeout(resolve, RESPONSE_STEP_MS - (elapsedMs % RESPONSE_STEP_MS));
  });
  if (failure === undefined) return undefined;
  const { error } = failure;
  if (!(error instanceof GatewayError)) throw error;
  if (ABOUT_THE_PERSON[error.code]) return error.code;
  throw withoutUpstreamWords(error);
}

/** The upstream's words may tell something about the person; an attribute's name was the caller's own. */
function withoutUpstreamWords(error: GatewayError): GatewayError {
  if (error.upstream === undefined && error.code !== 'upstream-bad-response') return error;
  const { code, errors, retryable, retryAfterSeconds, cause } = error;
  return new GatewayError(code, {
    detail: code === 'unknown-attribute' ? error.detail : `${PROBLEM_TYPES[code].title}.`,
    ...(errors !== undefined && { errors }),
    ...(retryable !== undefined && { retryable }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    cause,
  });
}
