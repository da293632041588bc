import { createHmac, timingSafeEqual } from 'node:crypto';
import type { SignatureScheme } from './posting.ts';

/** Request headers by their names in lower case. */
type HeaderMap = Readonly<Record<string, string | readonly string[] | undefined>>;

export type SignedRequest = {
  readonly headers: HeaderMap;
  /** The body as the sender signed it: before it is parsed, after it is decompressed. */
  readonly body: Uint8Array;
};

/** What a request says about its signature. */
type Claim = {
  /** What precedes the body in the text that is signed. */
  readonly prefix: string;
  /** When it was signed, in ms since 1970; undefined where a scheme does not say. */
  readonly signedMs: number | undefined;
  /** While a sender changes its secret, it signs with both. */
  readonly candidates: readonly Buffer[];
};

type Scheme = {
  /** The headers, as the problem names them. */
  readonly headers: readonly string[];
  /** Undefined if a header is missing or malformed. */
  readonly read: (header: (name: string) => string | undefined) => Claim | undefined;
  readonly keyOf: (secret: string) => Buffer;
};

/** Of the clocks of sender and gateway, as every scheme recommends. */
const TOLERANCE_MS = 300_000;
const DIGEST_BYTES = 32;
/** A sender has one or two secrets. */
const MAX_CANDIDATES = 20;

const asText = (secret: string) => Buffer.from(secret);

/** `t=<seconds>,v1=<hex>,v1=<hex>`: Stripe's scheme, which others use under other names. */
function timestamped(name: string): Scheme {
  return {
    headers: [name],
    keyOf: asText,
    read(header) {
      const parts = (header(name) ?? '').split(',').map((part) => part.trim());
      const valuesOf = (key: string) =>
        parts.filter((part) => part.startsWith(`${key}=`)).map((part) => part.slice(key.length + 1));
      const [time, ...others] = valuesOf('t');
      const signedMs = toMs(time, 1000);
      if (signedMs === undefined || others.length > 0) return undefined;
      return {
        prefix: `${time}.`,
        signedMs,
        candidates: valuesOf('v1').map((hex) => Buffer.from(hex, 'hex')),
      };
    },
  };
}

/** `v1,<base64>`, with blanks between them; Node joins lines with a comma and a blank. */
const SIGNATURES = /(?<![^ ,])v1,([^ ,]*)/g;

const SCHEMES: Readonly<Record<SignatureScheme, Scheme>> = {
  // https://www.standardwebhooks.com
  'standard-webhooks': {
    headers: ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
    keyOf: (secret) => Buffer.from(secret.replace(/^whsec_/, ''), 'base64'),
    read(header) {
      const id = header('webhook-id');
      const time = header('webhook-timestamp');
      const signedMs = toMs(time, 1000);
      if (id === undefined || signedMs === undefined) return undefined;
      // Signatures of other versions are made with asymmetric keys.
      const candidates = [...(header('webhook-signature') ?? '').matchAll(SIGNATURES)]
        .slice(0, MAX_CANDIDATES)
        .map(([, value = '']) => Buffer.from(value, 'base64'));
      return { prefix: `${id}.${time}.`, signedMs, candidates };
    },
  },
  typeform: {
    headers: ['Typeform-Signature'],
    keyOf: asText,
    read(header) {
      const [, value] = /^sha256=(\S+)$/.exec(header('typeform-signature') ?? '') ?? [];
      if (value === undefined) return undefined;
      return { prefix: '', signedMs: undefined, candidates: [Buffer.from(value, 'base64')] };
    },
  },
  stripe: timestamped('stripe-signature'),
  calendly: timestamped('calendly-webhook-signature'),
  webflow: {
    headers: ['x-webflow-timestamp', 'x-webflow-signature'],
    keyOf: asText,
    read(header) {
      const time = header('x-webflow-timestamp');
      const signedMs = toMs(time, 1);
      const value = header('x-webflow-signature');
      if (signedMs === undefined || value === undefined) return undefined;
      return { prefix: `${time}:`, signedMs, candidates: [Buffer.from(value, 'hex')] };
    },
  },
};

function toMs(time: string | undefined, unitMs: number): number | undefined {
  return time !== undefined && /^\d{1,16}$/.test(time) ? Number(time) * unitMs : undefined;
}

/** `missing`: no header, or none that can be read; `stale`: signed too long ago or in the future; `wrong`: by someone else. */
export type SignatureVerdict = 'valid' | 'missing' | 'stale' | 'wrong';

/**
 * Whether a webhook was signed with one of the secrets. Takes the same time wherever a signature begins to differ.
 *
 * @param nowMs since 1970
 */
export function verifySignature(
  scheme: SignatureScheme,
  secrets: readonly string[],
  { headers, body }: SignedRequest,
  nowMs: number,
): SignatureVerdict {
  const { read, keyOf } = SCHEMES[scheme];
  const claim = read((name) => {
    const value = headers[name];
    return typeof value === 'string' ? value : undefined;
  });
  if (claim === undefined || claim.candidates.length === 0) return 'missing';
  const { prefix, signedMs, candidates } = claim;
  let isValid = false;
  for (const secret of secrets) {
    const expected = createHmac('sha256', keyOf(secret)).update(prefix).update(body).digest();
    for (const candidate of candidates.slice(0, MAX_CANDIDATES)) {
      if (candidate.length === DIGEST_BYTES && timingSafeEqual(candidate, expected)) isValid = true;
    }
  }
  if (!isValid) return 'wrong';
  return signedMs !== undefined && Math.abs(nowMs - signedMs) > TOLERANCE_MS ? 'stale' : 'valid';
}

/**
 * Whether a secret has a key in it: what is no Base64 behind `whsec_`, or nothing, would give an empty one, with which anyone
 * can sign.
 */
export function hasKey(scheme: SignatureScheme, secret: string): boolean {
  return SCHEMES[scheme].keyOf(secret).length > 0;
}

/** The headers that a scheme has, for people. */
export function signatureHeaders(scheme: SignatureScheme): string {
  return SCHEMES[scheme].headers.join(', ');
}

/** The secrets in the text of a file or variable, one a line: two while one replaces the other. Comments are not allowed. */
export function secretsIn(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
