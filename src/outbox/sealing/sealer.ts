import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';

/** Encrypts texts with the first of several keys, and decrypts those of all. */
export type Sealer = {
  /** Names of the keys, which tell nothing of them; the first encrypts. */
  readonly keyIds: readonly string[];
  /** @param context what the text belongs to; it opens for the same alone */
  seal(text: string, context: string): string;
  /** Undefined: no key opens the text, or it belongs to something else. */
  open(sealed: string, context: string): string | undefined;
  /** What stands for a text that is compared only, with each of the keys. */
  marks(text: string): readonly string[];
};

/** Of AES-256-GCM, in bytes (NIST SP 800-38D, section 8.2.2). */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const KEY_ID_BYTES = 6;
/** A mark is 132 bits of an HMAC-SHA-256. */
const MARK_CHARACTERS = 22;

/** The version of the format, a key's id, and nonce, ciphertext and tag in base64. */
const SEALED = /^1\.([\w-]{8})\.([\w-]+)$/;

type Keys = { readonly id: string; readonly encryption: Buffer; readonly marking: Buffer };

/** What is kept has a key of its own for each purpose (RFC 5869, section 3.2). */
function derive(secret: Buffer): Keys {
  const part = (purpose: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', secret, '', `lead-gateway outbox ${purpose}`, bytes));
  return {
    id: part('key id', KEY_ID_BYTES).toString('base64url'),
    encryption: part('encryption', KEY_BYTES),
    marking: part('marks', KEY_BYTES),
  };
}

/**
 * @param secrets 32 random bytes each, at least one
 * @param randomBytes for nonces
 */
export function createSealer(secrets: readonly Buffer[], randomBytes: (size: number) => Buffer): Sealer {
  const keys = secrets.map(derive);
  const [first] = keys;
  if (first === undefined) throw new Error('no key to encrypt with');
  return {
    keyIds: keys.map(({ id }) => id),
    seal(text, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', first.encryption, nonce).setAAD(Buffer.from(context));
      const parts = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()];
      return `1.${first.id}.${Buffer.concat(parts).toString('base64url')}`;
    },
    open(sealed, context) {
      const [, id, data = ''] = SEALED.exec(sealed) ?? [];
      const key = keys.find((one) => one.id === id);
      return key === undefined ? undefined : decrypt(key.encryption, Buffer.from(data, 'base64url'), context);
    },
    marks: (text) =>
      keys.map(({ marking }) =>
        createHmac('sha256', marking).update(text).digest('base64url').slice(0, MARK_CHARACTERS),
      ),
  };
}

export function isSealed(text: string): boolean {
  return SEALED.test(text);
}

function decrypt(key: Buffer, data: Buffer, context: string): string | undefined {
  if (data.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const end = data.length - TAG_BYTES;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, data.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
      .setAAD(Buffer.from(context))
      .setAuthTag(data.subarray(end));
    const text = decipher.update(data.subarray(NONCE_BYTES, end));
    return Buffer.concat([text, decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
