import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { hashKey, type KeyKind, writeKey } from '../../src/access/api-key.ts';

const keyOf = (kind: KeyKind, byte: number) => writeKey(kind, new Uint8Array(32).fill(byte));

/** Keys of callers. `unknown` is in no file. */
export const TEST_KEYS = {
  secret: keyOf('secret', 0x5e),
  publishable: keyOf('publishable', 0x70),
  webhook: keyOf('webhook', 0x3b),
  other: keyOf('secret', 0x07),
  operator: keyOf('secret', 0x0b),
  disabled: keyOf('secret', 0xd1),
  revoked: keyOf('secret', 0x4e),
  expired: keyOf('secret', 0xe8),
  unknown: keyOf('secret', 0x57),
};

/** What senders of webhooks sign with; the first is that of the test vector of Standard Webhooks. */
export const WEBHOOK_SECRETS = {
  standard: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  text: 'a-text-that-signs',
};

/** Every secret a test uses, in lower case. None of them may ever be seen in a log, a response or an error. */
export const SECRETS: readonly string[] = [
  'sandbox-encryption-key',
  'rest-client-secret-for-tests',
  'sandbox-client-secret',
  'leak-watched-rest-token',
  'a-secret-key-for-tests',
  '27272727aa',
  ...Object.values(WEBHOOK_SECRETS).map((secret) => secret.toLowerCase()),
  ...Object.values(TEST_KEYS).flatMap((key) => [key.toLowerCase(), hashKey(key)]),
];

export const TEST_KEY = 'a-secret-key-for-tests';

let file: number | undefined;

/** Keeps what the gateway said for the leak watch at the end of the run. */
export function record(text: string): void {
  file ??= openSync(join(inject('recordings'), `${process.pid}.txt`), 'a');
  writeSync(file, `${text}\n`);
}
