import { GatewayError } from '../leads/errors.ts';

/** When a store that was full or away may be asked again. */
export const STORE_RETRY_SECONDS = 5;

/** What a failure of the store means to a caller. @throws {GatewayError} always */
export function unavailable(cause: unknown): never {
  throw new GatewayError('unavailable', {
    detail: 'The outbox cannot be used now; send the request again after the time in Retry-After.',
    retryAfterSeconds: STORE_RETRY_SECONDS,
    cause,
  });
}
