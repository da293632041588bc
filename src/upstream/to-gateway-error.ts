import { GatewayError } from '../leads/errors.ts';
import type { UpsertLead } from '../leads/lead.ts';
import type { Failure } from './outcome.ts';

/**
 * Turns the last failure of a lead into the one exception that crosses the callers' port.
 *
 * @param command the lead it happened to
 * @param retryAfterSeconds when the same request can succeed, if that is known
 */
export function toGatewayError(
  failure: Failure,
  command: UpsertLead,
  retryAfterSeconds?: number,
): GatewayError {
  const { error, explain, upstream, retryable, cause } = failure;
  return new GatewayError(error, { ...explain(command), upstream, retryable, retryAfterSeconds, cause });
}
