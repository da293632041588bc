import { createPublicKey, generateKeyPairSync, type KeyObject, sign as signBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

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
};

export const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** A server that publishes `one` (RSA) and `two` (P-256) until told otherwise; ends with the test. */
export async function startIssuer(): Promise<Issuer> {
  let mode: IssuerMode = 'up';
  let keys: readonly object[] = [];
  let fetches = 0;
  const server = createServer((_request, response) => {
    fetches += 1;
    if (mode === 'hangs') return;
    if (mode === 'up') response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
    else if (typeof mode === 'number') response.writeHead(mode, { location: '/elsewhere' }).end();
    else response.end(mode.text);
  });
  const publish = (published: Readonly<Record<string, KeyObject>>) => {
    keys = Object.entries(published).map(([kid, key]) => ({
      ...createPublicKey(key).export({ format: 'jwk' }),
      kid,
      use: 'sig',
    }));
  };
  publish({ one: RSA.privateKey, two: EC.privateKey });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  return {
    url,
    settings: { issuer: 'https://id.example/', audience: 'lead-gateway' },
    fetches: () => fetches,
    hangs: () => mode === 'hangs',
    answerWith: (next) => void (mode = next),
    publish,
  };
}

const encode = (part: string | Uint8Array) => Buffer.from(part).toString('base64url');

/** A token of these texts, signed as `alg` RS256 or ES256 by the kind of `key`, whatever the header says. */
export function signToken(header: string, payload: string | Uint8Array, key = RSA.privateKey): string {
  const content = `${encode(header)}.${encode(payload)}`;
  const signature = signBytes('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' });
  return `${content}.${encode(signature)}`;
}
