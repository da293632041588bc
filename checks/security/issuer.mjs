// An identity provider on loopback, for the tests and for `npm run check:security`.
import { createPublicKey, generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

export const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' });

/** A server that publishes the keys `one` (RSA) and `two` (P-256) until told otherwise. */
export async function createIssuer() {
  let mode = 'up';
  let keys = [];
  let fetches = 0;
  const server = createServer((_request, response) => {
    fetches += 1;
    if (mode === 'hangs') return;
    if (mode === 'up') response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
    else if (typeof mode === 'number') response.writeHead(mode, { location: '/elsewhere' }).end();
    else response.end(mode.text);
  });
  const publish = (published) => {
    keys = Object.entries(published).map(([kid, key]) => ({
      ...createPublicKey(key).export({ format: 'jwk' }),
      kid,
      use: 'sig',
    }));
  };
  publish({ one: RSA.privateKey, two: EC.privateKey });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/keys`,
    settings: { issuer: 'https://id.example/', audience: 'lead-gateway' },
    fetches: () => fetches,
    hangs: () => mode === 'hangs',
    answerWith: (next) => void (mode = next),
    publish,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const encode = (part) => Buffer.from(part).toString('base64url');

/** A token of these texts, signed as RS256 or ES256 by the kind of `key`, whatever the header says. */
export function signToken(header, payload, key = RSA.privateKey) {
  const content = `${encode(header)}.${encode(payload)}`;
  const signature = signBytes('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' });
  return `${content}.${encode(signature)}`;
}
