import { expect, test } from 'vitest';
import { createSigner, sign, signatureOf } from '../../src/marketo-soap/signing.ts';

const credentials = { userId: 'demo17_1_809934544BFABAE58E5D27', encryptionKey: '27272727aa' };

test("the signature of the vendor's own sample comes out", () => {
  const { userId, encryptionKey } = credentials;
  expect(signatureOf('2013-08-01T18:22:30-07:00', userId, encryptionKey)).toBe(
    'b5e21953ae9f1b263e644da5eccce9ff33802513',
  );
});

test('the timestamp is a W3C date-time with an offset and without fractions', () => {
  const { requestTimestamp } = sign(credentials, Date.parse('2013-08-01T18:22:30.987-07:00'));
  expect(requestTimestamp).toBe('2013-08-02T01:22:30+00:00');
});

test('the signature covers the timestamp that is sent along', () => {
  const { requestSignature, requestTimestamp, userId } = sign(credentials, 1_375_406_550_000);
  expect(userId).toBe(credentials.userId);
  expect(requestSignature).toBe(signatureOf(requestTimestamp, userId, credentials.encryptionKey));
});

test('a signer makes one signature per second, the same as `sign`', () => {
  const signAt = createSigner(credentials);
  const times = [0, 1, 999, 1000, 1500, 2000, 500, 999].map((ms) => 1_375_406_550_000 + ms);
  expect(times.map(signAt)).toEqual(times.map((ms) => sign(credentials, ms)));
});
