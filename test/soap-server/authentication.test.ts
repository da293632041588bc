import { describe, expect, test } from 'vitest';
import { createAuthenticator } from '../../src/soap-server/request.ts';
import {
  email,
  envelopeOf,
  startStillSandbox,
  signature,
  START,
  timestampOf,
  type SoapAnswer,
} from '../support/sandbox.ts';

const BODY = `<ns1:paramsSyncLead><leadRecord>${email('a@b.c')}</leadRecord><returnLead>false</returnLead></ns1:paramsSyncLead>`;

async function callWith(parts: { user?: string; sign?: string; timestamp?: string }): Promise<SoapAnswer> {
  const { user = 'sandbox', timestamp = timestampOf(START) } = parts;
  const sign = parts.sign ?? signature(timestamp, 'sandbox-encryption-key', user);
  const header =
    `<ns1:AuthenticationHeader><mktowsUserId>${user}</mktowsUserId>` +
    `<requestSignature>${sign}</requestSignature><requestTimestamp>${timestamp}</requestTimestamp></ns1:AuthenticationHeader>`;
  return (await startStillSandbox()).post(envelopeOf(BODY, header));
}

const MINUTE = 60_000;

describe('authentication', () => {
  test("the vendor's own sample signature is accepted", () => {
    const authenticator = createAuthenticator({
      userId: 'demo17_1_809934544BFABAE58E5D27',
      encryptionKey: '27272727aa',
    });
    const sample = {
      userId: 'demo17_1_809934544BFABAE58E5D27',
      signature: 'b5e21953ae9f1b263e644da5eccce9ff33802513',
      timestamp: '2013-08-01T18:22:30-07:00',
    };
    const signedAt = Date.parse('2013-08-02T01:22:30Z');
    expect(() => authenticator.check(sample, signedAt)).not.toThrow();
    expect(() =>
      authenticator.check({ ...sample, signature: sample.signature.replace('b', 'c') }, signedAt),
    ).toThrow('Authentication failed');
  });

  test('a call with the right signature is accepted', async () => {
    expect((await callWith({})).status).toBe('CREATED');
  });

  test.each([
    ['a wrong signature', { sign: '0'.repeat(40) }],
    ['a signature in upper-case hex', { sign: signature(timestampOf(START)).toUpperCase() }],
    ['an empty signature', { sign: '' }],
    ['a signature that is not hex', { sign: 'ü'.repeat(40) }],
    ['another user id with its right signature', { user: 'somebody' }],
    ['the user id in other case', { user: 'Sandbox' }],
    ['a signature made with another key', { sign: signature(timestampOf(START), 'another key') }],
    ['an old timestamp with a wrong signature', { timestamp: timestampOf(0), sign: '0'.repeat(40) }],
  ])('%s is fault 20014', async (_what, parts) => {
    const answer = await callWith(parts);
    expect(answer.httpStatus).toBe(500);
    expect(answer.fault).toBe(20014);
    expect(answer.value('faultstring')).toBe('20014 - Authentication failed');
    expect(answer.value('message')).toBe('Authentication failed (20014)');
  });

  test('a call without the authentication header is fault 20014', async () => {
    expect((await (await startStillSandbox()).post(envelopeOf(BODY, ''))).fault).toBe(20014);
  });

  test('an authentication header without a namespace is ignored', async () => {
    const timestamp = timestampOf(START);
    const header =
      `<AuthenticationHeader><mktowsUserId>sandbox</mktowsUserId><requestSignature>${signature(timestamp)}</requestSignature>` +
      `<requestTimestamp>${timestamp}</requestTimestamp></AuthenticationHeader>`;
    expect((await (await startStillSandbox()).post(envelopeOf(BODY, header))).fault).toBe(20014);
  });

  test.each([
    ['15 minutes old', -15 * MINUTE, null],
    ['15 minutes and a second old', -15 * MINUTE - 1000, 20016],
    ['15 minutes ahead', 15 * MINUTE, null],
    ['15 minutes and a second ahead', 15 * MINUTE + 1000, 20016],
  ])('a timestamp %s', async (_what, offset, fault) => {
    expect((await callWith({ timestamp: timestampOf(START + offset) })).fault).toBe(fault);
  });

  test.each([
    ['in UTC', '2026-03-02T12:00:00Z', null],
    ['with fractions of a second', '2026-03-02T12:00:00.123+00:00', null],
    ['without a colon in the offset, as PHP writes it', '2026-03-02T13:00:00+0100', null],
    ['without seconds', '2026-03-02T12:00Z', null],
    ['without an offset', '2026-03-02T12:00:00', 20016],
    ['that is not a date', '2026-13-02T12:00:00Z', 20016],
    ['that is a word', 'now', 20016],
    ['that is empty', '', 20016],
  ])('a timestamp %s', async (_what, timestamp, fault) => {
    expect((await callWith({ timestamp })).fault).toBe(fault);
  });

  test("the answer's Date is the sandbox's clock, so that a client can correct its own", async () => {
    const answer = await callWith({ timestamp: timestampOf(0) });
    expect(answer.headers.get('date')).toBe('Mon, 02 Mar 2026 12:00:00 GMT');
  });
});
