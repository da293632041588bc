import { createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { EC, RSA, signToken } from './issuer.mjs';

/** Tokens that are not what RFC 7515, 7519, 8725 and 9068 let pass, most of them with the issuer's own signature. */

const inFiveMinutes = () => Math.floor(Date.now() / 1000) + 300;
const HEADER = { alg: 'RS256', kid: 'one' };
export const claims = () => ({
  iss: 'https://id.example/',
  aud: 'lead-gateway',
  exp: inFiveMinutes(),
  scope: 'leads:write',
});

export const withHeader = (header) =>
  signToken(JSON.stringify({ ...HEADER, ...header }), JSON.stringify(claims()));
export const withClaims = (more) =>
  signToken(JSON.stringify(HEADER), JSON.stringify({ ...claims(), ...more }));
/** Members as they stand in the text, after those of a good token. */
const withText = (members) =>
  signToken(JSON.stringify(HEADER), JSON.stringify(claims()).replace(/\}$/, `,${members}}`));
const withPayload = (payload) => signToken(JSON.stringify(HEADER), payload);

const base64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const content = (header) => `${base64({ ...HEADER, ...header })}.${base64(claims())}`;
const signedBy = (header, signature) => `${content(header)}.${Buffer.from(signature).toString('base64url')}`;

export const OTHER = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const byOther = (header) =>
  signToken(JSON.stringify({ ...HEADER, ...header }), JSON.stringify(claims()), OTHER.privateKey);
const otherJwk = { ...OTHER.publicKey.export({ format: 'jwk' }), kid: 'one' };

export const EC_HEADER = { alg: 'ES256', kid: 'two' };
const derSignature = (header) => signBytes('sha256', Buffer.from(content(header)), EC.privateKey);

/** What it is · the token · what the log says. */
export const REFUSED_TOKENS = [
  ['of the type logout+jwt', () => withHeader({ typ: 'logout+jwt' }), 'token-type'],
  ['of the type secevent+jwt', () => withHeader({ typ: 'secevent+jwt' }), 'token-type'],
  ['of the type dpop+jwt', () => withHeader({ typ: 'application/dpop+jwt' }), 'token-type'],
  ['of the type JOSE', () => withHeader({ typ: 'JOSE' }), 'token-type'],
  ['of an empty type', () => withHeader({ typ: '' }), 'token-type'],
  ['of a type with a blank', () => withHeader({ typ: 'JWT ' }), 'token-type'],
  ['of a type that is not a string', () => withHeader({ typ: ['JWT'] }), 'token-type'],

  ['without an algorithm', () => withHeader({ alg: undefined }), 'token-malformed'],
  ['of the algorithm none', () => signedBy({ alg: 'none' }, ''), 'token-algorithm'],
  ['of the algorithm NONE, signed', () => withHeader({ alg: 'NONE' }), 'token-algorithm'],
  ['of an algorithm in lower case', () => withHeader({ alg: 'rs256' }), 'token-algorithm'],
  ['of a list of algorithms', () => withHeader({ alg: ['RS256'] }), 'token-malformed'],
  [
    'signed with the public key as a secret',
    () => {
      const secret = RSA.publicKey.export({ format: 'pem', type: 'spki' });
      return signedBy(
        { alg: 'HS256' },
        createHmac('sha256', secret)
          .update(content({ alg: 'HS256' }))
          .digest(),
      );
    },
    'token-algorithm',
  ],
  ['of the algorithm of another key', () => withHeader({ alg: 'ES256' }), 'token-key'],
  ['of another hash than it says', () => withHeader({ alg: 'RS512' }), 'token-signature'],
  ['of another padding than it says', () => withHeader({ alg: 'PS256' }), 'token-signature'],

  ['with an extension it must understand', () => withHeader({ crit: ['exp'], exp: 1 }), 'token-header'],
  ['with an empty list of extensions', () => withHeader({ crit: [] }), 'token-header'],
  ['of a payload that is not encoded', () => withHeader({ crit: ['b64'], b64: false }), 'token-header'],
  ['with b64 alone', () => withHeader({ b64: false }), 'token-header'],
  ['that is said to be compressed', () => withHeader({ zip: 'DEF' }), 'token-header'],
  ['that is said to be encrypted', () => withHeader({ enc: 'A256GCM' }), 'token-header'],
  ['around another', () => withHeader({ cty: 'JWT' }), 'token-header'],
  ['that is encrypted', () => `${base64({ alg: 'RSA-OAEP', enc: 'A256GCM' })}.a.b.c.d`, 'token-malformed'],

  ['of a key id that is a number', () => withHeader({ kid: 1 }), 'token-malformed'],
  ['of a key id that is a list', () => withHeader({ kid: ['one'] }), 'token-malformed'],
  ['of a key id that is null', () => withHeader({ kid: null }), 'token-malformed'],
  ['of a key id that is a path', () => withHeader({ kid: '../../dev/null' }), 'token-key'],
  ['of a key id that is a query', () => withHeader({ kid: "one' OR '1'='1" }), 'token-key'],
  ['of a key id of 5,000 characters', () => withHeader({ kid: 'x'.repeat(5000) }), 'token-key'],
  ['that brings its own key', () => byOther({ jwk: otherJwk }), 'token-signature'],
  [
    'that brings its own certificate',
    () => byOther({ x5c: [OTHER.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')] }),
    'token-signature',
  ],

  ['whose end is a text', () => withClaims({ exp: String(inFiveMinutes()) }), 'token-claims'],
  ['whose end is null', () => withClaims({ exp: null }), 'token-claims'],
  ['whose end is a list', () => withClaims({ exp: [inFiveMinutes()] }), 'token-claims'],
  [
    'whose end is 1e999',
    () => withPayload(JSON.stringify({ ...claims(), exp: 0 }).replace('"exp":0', '"exp":1e999')),
    'token-claims',
  ],
  ['whose end is 1e300', () => withClaims({ exp: 1e300 }), 'token-claims'],
  ['whose end is in milliseconds', () => withClaims({ exp: inFiveMinutes() * 1000 }), 'token-claims'],
  ['whose end is before all time', () => withClaims({ exp: -1 }), 'token-expired'],
  ['without an end', () => withClaims({ exp: undefined }), 'token-claims'],
  ['whose begin is a text', () => withClaims({ nbf: '0' }), 'token-claims'],
  ['whose begin is true', () => withClaims({ nbf: true }), 'token-claims'],
  ['whose begin is 1e300', () => withClaims({ nbf: 1e300 }), 'token-not-yet-valid'],
  ['whose begin is -1e300', () => withClaims({ nbf: -1e300 }), 'token-claims'],
  ['that was issued at a text', () => withClaims({ iat: 'now' }), 'token-claims'],
  ['that was issued at 1e300', () => withClaims({ iat: 1e300 }), 'token-claims'],

  ['for an audience with a blank', () => withClaims({ aud: 'lead-gateway ' }), 'token-audience'],
  ['for an audience in capitals', () => withClaims({ aud: 'LEAD-GATEWAY' }), 'token-audience'],
  ['for no one', () => withClaims({ aud: [] }), 'token-audience'],
  ['for a list in a list', () => withClaims({ aud: [['lead-gateway']] }), 'token-audience'],
  ['for an object', () => withClaims({ aud: { 'lead-gateway': true } }), 'token-audience'],
  ['for null', () => withClaims({ aud: null }), 'token-audience'],
  ['of the issuer without its slash', () => withClaims({ iss: 'https://id.example' }), 'token-issuer'],
  ['of the issuer with more', () => withClaims({ iss: 'https://id.example/evil' }), 'token-issuer'],
  ['of the issuer in capitals', () => withClaims({ iss: 'https://ID.example/' }), 'token-issuer'],
  ['of a list of issuers', () => withClaims({ iss: ['https://id.example/'] }), 'token-issuer'],
  ['of no issuer', () => withClaims({ iss: undefined }), 'token-issuer'],

  ['with a claim twice', () => withText('"scope":"leads:write leads:id"'), 'token-malformed'],
  ['with a claim twice, one of them escaped', () => withText(String.raw`"\u0073cope":""`), 'token-malformed'],
  ['with a claim twice, deep within', () => withText('"act":{"sub":"a","sub":"b"}'), 'token-malformed'],
  [
    'with a header parameter twice',
    () => signToken('{"alg":"none","alg":"RS256","kid":"one"}', JSON.stringify(claims())),
    'token-malformed',
  ],
  ['of a list', () => withPayload('[]'), 'token-malformed'],
  ['of a text', () => withPayload('"x"'), 'token-malformed'],
  ['of null', () => withPayload('null'), 'token-malformed'],
  ['of nothing', () => `${base64(HEADER)}..c2ln`, 'token-malformed'],
  ['of bytes that are not UTF-8', () => withPayload(Uint8Array.of(0x7b, 0xff, 0x7d)), 'token-malformed'],
  ['of 5,000 lists in lists', () => withPayload('['.repeat(5000)), 'token-malformed'],

  ['without a signature', () => signedBy({}, ''), 'token-signature'],
  ['without the dot before the signature', () => content({}), 'token-malformed'],
  ['with a signature of one byte', () => signedBy({}, 'x'), 'token-signature'],
  ['with half a signature', () => withClaims({}).slice(0, -170), 'token-signature'],
  ['with padding', () => `${withClaims({})}==`, 'token-malformed'],
  ['with a blank', () => withClaims({}).replace('.', '.\u00a0'), 'malformed'],
  ['whose r and s are zero', () => signedBy(EC_HEADER, new Uint8Array(64)), 'token-signature'],
  ['whose signature is in DER', () => signedBy(EC_HEADER, derSignature(EC_HEADER)), 'token-signature'],
  [
    'of 12,000 characters',
    () => withClaims({ more: 'x'.repeat(8500) }).replace(/.$/, '!'),
    'token-malformed',
  ],
];
