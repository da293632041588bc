import { expect, test } from 'vitest';
import { verifySignature } from '../../src/access/webhook-signature.ts';

// The vector that libraries of Standard Webhooks share.
test('Standard Webhooks: the vector of its libraries is valid', () => {
  const headers = {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  };
  const body = Buffer.from('{"test": 2432232314}');
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const verify = (secrets: string[], changed: object = {}, nowMs = 1_614_265_330_000) =>
    verifySignature('standard-webhooks', secrets, { headers: { ...headers, ...changed }, body }, nowMs);
  expect(verify([secret])).toBe('valid');
  expect(verify([secret.replace('whsec_', '')])).toBe('valid');
  expect(verify(['whsec_AAAA', secret])).toBe('valid');
  expect(verify(['whsec_AAAA'])).toBe('wrong');
  expect(verify([secret], { 'webhook-id': 'msg_x' })).toBe('wrong');
  expect(verify([secret], {}, 1_614_265_330_000 + 300_001)).toBe('stale');
  expect(verify([secret], {}, 1_614_265_330_000 - 300_001)).toBe('stale');
  expect(verify([secret], {}, 1_614_265_330_000 + 300_000)).toBe('valid');
  const { 'webhook-signature': signature } = headers;
  expect(verify([secret], { 'webhook-signature': `v1,AAAA v1a,BBBB ${signature}` })).toBe('valid');
  // Node joins repeated headers with commas.
  expect(verify([secret], { 'webhook-signature': `v1,AAAA, ${signature}` })).toBe('valid');
  for (const missing of [undefined, '', 'v2,AAAA', signature.replace('v1,', '')]) {
    expect(verify([secret], { 'webhook-signature': missing })).toBe('missing');
  }
  expect(verify([secret], { 'webhook-timestamp': '1e9' })).toBe('missing');
});

test.each(['t=1,t=2,v1=aa', 't=,v1=aa', 'v1=aa', 't=1', 't=-1,v1=aa', 't=1;v1=aa', ''])(
  'Stripe: %j has nothing to check',
  (value) => {
    const headers = { 'stripe-signature': value };
    expect(verifySignature('stripe', ['x'], { headers, body: Buffer.from('') }, 0)).toBe('missing');
  },
);

// The place of the next signature was looked for from each blank: these took hours.
test.each([' ', ',', ' ,'])('Standard Webhooks: a header of %j is read once', (unit) => {
  const headers = {
    'webhook-id': 'x',
    'webhook-timestamp': '0',
    'webhook-signature': `v1,AAAA${unit.repeat(500_000)}v1a,BBBB`,
  };
  const request = { headers, body: Buffer.from('') };
  expect(verifySignature('standard-webhooks', ['whsec_AAAA'], request, 0)).toBe('wrong');
});
