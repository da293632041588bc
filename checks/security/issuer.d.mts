import type { KeyObject, KeyPairKeyObjectResult } from 'node:crypto';

/** How the address of the keys answers: with the keys, not at all, with a status, with a text. */
export type IssuerMode = 'up' | 'hangs' | number | { readonly text: string };

export type Issuer = {
  readonly url: string;
  readonly settings: { readonly issuer: string; readonly audience: string };
  /** Fetches of the keys so far. */
  fetches(): number;
  hangs(): boolean;
  answerWith(mode: IssuerMode): void;
  /** Publishes these keys, by key id, in place of those before. */
  publish(keys: Readonly<Record<string, KeyObject>>): void;
  close(): void;
};

export const RSA: KeyPairKeyObjectResult;
export const EC: KeyPairKeyObjectResult;
/** A server that publishes the keys `one` (RSA) and `two` (P-256) until told otherwise. */
export function createIssuer(): Promise<Issuer>;
/** A token of these texts, signed as RS256 or ES256 by the kind of `key`, whatever the header says. */
export function signToken(header: string, payload: string | Uint8Array, key?: KeyObject): string;
