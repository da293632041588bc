import type { Refusal } from '../access/keyring.ts';
import { ANONYMOUS, type Principal } from '../access/principal.ts';
import type { KeySource } from '../access/watch-key-file.ts';
import { GatewayError } from '../leads/errors.ts';
import type { RequestContext } from './request-context.ts';

/**
 * The caller of a request that lasts, with the permissions of its key at the moment; or why it may do nothing any more.
 * Cheap enough for each line of a stream. The same object until the keys are read again.
 */
export type PresentCaller = () => Principal | GatewayError;

type Deps = {
  readonly keys: Pick<KeySource, 'keyring'> | null;
  readonly now: () => number;
};

export function presentCallerOf({ keys, now }: Deps, context: RequestContext): PresentCaller {
  const { admitted, caller = ANONYMOUS } = context;
  const refuse = (refusal: Refusal): GatewayError => {
    context.refusal = refusal;
    return noLongerValid();
  };
  const { keyHash, expiresAtMs = Infinity } = admitted ?? {};
  // A token says itself what it allows, and for how long.
  if (keys === null || keyHash === undefined)
    return () => (now() < expiresAtMs ? caller : refuse('token-expired'));
  return () => {
    const verdict = keys.keyring().find(keyHash, now());
    if (!verdict.ok) return refuse(verdict.refusal);
    // Other rules hold for keys of another kind, which only the start of a request checks.
    if (verdict.caller.kind !== caller.kind) return refuse('unknown');
    context.caller = verdict.caller;
    return verdict.caller;
  };
}

/** The same text whatever has become of the key or token. */
function noLongerValid(): GatewayError {
  return new GatewayError('unauthorized', {
    detail:
      'The key or token of this request is no longer valid; this lead and those behind it were not taken in. Send them with a valid one.',
  });
}
