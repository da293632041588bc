import type { Request } from 'express';
import type { SignatureRule } from '../access/posting.ts';
import {
  hasKey,
  secretsIn,
  signatureHeaders,
  type SignatureVerdict,
  type SignedRequest,
  verifySignature,
} from '../access/webhook-signature.ts';
import { GatewayError } from '../leads/errors.ts';

/** Reads the text with the secrets of a signature; rejects if it cannot be read. */
export type ReadSecret = (rule: SignatureRule) => Promise<string>;

/** Rejects unless a request is signed as its key says. */
export type CheckSignature = (rule: SignatureRule, request: SignedRequest, req: Request) => Promise<void>;

const RETRY_AFTER_SECONDS = 60;

/**
 * Checks signatures of webhooks (docs/webhooks.md#signatures). The secret is read each time, so that a new one counts at
 * once. Rejects with `invalid-signature`, or with `unavailable` if there is no secret.
 *
 * @param countFailure as for a wrong key
 */
export function createSignatureCheck(
  readSecret: ReadSecret,
  now: () => number,
  countFailure: (req: Request) => Promise<void>,
): CheckSignature {
  return async (rule, request, req) => {
    const secrets = secretsIn(await readSecret(rule).catch(withoutSecret));
    if (secrets.length === 0) throw withoutSecret(undefined);
    // Not left out: when the sender changes to this secret, all of its requests would be refused as forged.
    if (!secrets.every((secret) => hasKey(rule.scheme, secret))) throw emptySecret();
    const verdict = verifySignature(rule.scheme, secrets, request, now());
    if (verdict === 'valid') return;
    await countFailure(req);
    throw new GatewayError('invalid-signature', { detail: detailOf(verdict, rule) });
  };
}

function emptySecret(): GatewayError {
  return new GatewayError('unavailable', {
    detail:
      'The signature of this webhook cannot be checked: the secret that its key names has no key behind whsec_. Its operator has to copy the whole secret into secretFile or secretEnv.',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}

function withoutSecret(cause: unknown): never {
  throw new GatewayError('unavailable', {
    detail:
      'The signature of this webhook cannot be checked: the gateway cannot read the secret that its key names. Its operator has to correct secretFile or secretEnv.',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    cause,
  });
}

function detailOf(verdict: Exclude<SignatureVerdict, 'valid'>, { scheme }: SignatureRule): string {
  switch (verdict) {
    case 'missing':
      return `The request has no valid ${signatureHeaders(scheme)}; switch signing on at the sender, or correct the scheme of the key.`;
    case 'stale':
      return 'The request was signed more than five minutes ago, or in the future; compare the clocks, and let the sender sign it again.';
    case 'wrong':
      return "The signature was made with another secret, or the body was changed on the way; copy the sender's secret again.";
  }
}
