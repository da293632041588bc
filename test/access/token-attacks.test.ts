import { describe, expect, test } from 'vitest';
import { EC, type Issuer, signToken } from '../../checks/security/issuer.mjs';
import {
  byOther,
  claims,
  EC_HEADER,
  OTHER,
  REFUSED_TOKENS,
  withClaims,
  withHeader,
} from '../../checks/security/token-attacks.mjs';
import { bearer, startTestGateway } from '../support/gateway.ts';
import { startIssuer } from '../support/issuer.ts';

const start = ({ url, settings }: Issuer) =>
  startTestGateway({
    JWT_ISSUER: settings.issuer,
    JWT_AUDIENCE: settings.audience,
    JWT_JWKS_URL: url,
    AUTH_FAILURES_PER_MINUTE: '100000',
  });
const LEAD = { email: 'jane@example.com' };

test('tokens that are not of the kind that grants access are refused, all with the same words', async () => {
  const issuer = await startIssuer();
  const gateway = await start(issuer);
  const answers = [];
  for (const [what, token] of REFUSED_TOKENS) {
    const { status, body } = await gateway.putLead(LEAD, { headers: bearer(token()) });
    answers.push([what, status, body.detail]);
  }
  const detail = answers[0]?.[2];
  expect(answers).toEqual(REFUSED_TOKENS.map(([what]) => [what, 401, detail]));
  await gateway.close();
  const refusals = gateway.logs.flatMap((line) => /"refusal":"([\w-]+)"/.exec(line)?.[1] ?? []);
  expect(REFUSED_TOKENS.map(([what], index) => [what, refusals[index]])).toEqual(
    REFUSED_TOKENS.map(([what, , refusal]) => [what, refusal]),
  );
});

test.each([undefined, 'JWT', 'jwt', 'at+jwt', 'application/at+jwt', 'AT+JWT'])(
  'a token of the type %s is taken',
  async (typ) => {
    const gateway = await start(await startIssuer());
    const { status } = await gateway.putLead(LEAD, { headers: bearer(withHeader({ typ })) });
    expect(status).toBe(201);
  },
);

describe('a token', () => {
  test('is taken for one audience of several, and signed with ES256', async () => {
    const gateway = await start(await startIssuer());
    const aud = ['account', 'lead-gateway'];
    const token = signToken(JSON.stringify(EC_HEADER), JSON.stringify({ ...claims(), aud }), EC.privateKey);
    expect((await gateway.putLead(LEAD, { headers: bearer(token) })).status).toBe(201);
  });

  test('makes the gateway fetch no address that it names', async () => {
    const issuer = await startIssuer();
    const evil = await startIssuer();
    evil.publish({ one: OTHER.privateKey });
    const gateway = await start(issuer);
    for (const header of [
      { jku: evil.url },
      { x5u: evil.url },
      { kid: evil.url },
      { jku: evil.url, kid: 'x' },
    ]) {
      expect((await gateway.putLead(LEAD, { headers: bearer(byOther(header)) })).status).toBe(401);
    }
    expect(evil.fetches()).toBe(0);
  });

  test('of 100 kB is not read at all', async () => {
    const gateway = await start(await startIssuer());
    const { status } = await fetch(`${gateway.url}/leads`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...bearer(withClaims({ more: 'x'.repeat(75_000) })) },
      body: JSON.stringify(LEAD),
    });
    expect(status).toBe(431);
  });
});
