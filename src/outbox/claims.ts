import { GatewayError } from '../leads/errors.ts';
import { hashOf } from './subject.ts';
import { STORE_RETRY_SECONDS } from './unavailable.ts';

/** Idempotency keys of requests that are kept in parts, until their last one names the key in the store. */
export type RequestClaims = {
  /** @returns gives the key back. @throws {GatewayError} unavailable while another request has it */
  claim(owner: string, idempotencyKey: string): () => void;
  /** @throws {GatewayError} unavailable while a request has it */
  checkUnclaimed(owner: string, idempotencyKey: string): void;
};

export function createRequestClaims(): RequestClaims {
  const claimed = new Set<string>();
  const check = (name: string) => {
    if (!claimed.has(name)) return;
    throw new GatewayError('unavailable', {
      detail:
        'Another request with this Idempotency-Key is being taken in; send this one again after the time in Retry-After.',
      retryAfterSeconds: STORE_RETRY_SECONDS,
    });
  };
  return {
    claim(owner, idempotencyKey) {
      const name = nameOf(owner, idempotencyKey);
      check(name);
      claimed.add(name);
      return () => void claimed.delete(name);
    },
    checkUnclaimed: (owner, idempotencyKey) => check(nameOf(owner, idempotencyKey)),
  };
}

/** The name of an owner may be anything, and a hash has no blank. */
function nameOf(owner: string, idempotencyKey: string): string {
  return `${hashOf(idempotencyKey)} ${owner}`;
}
