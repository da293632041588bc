import { describe, expect, test } from 'vitest';
import { fault, success } from '../support/answers.ts';
import {
  bearer,
  ORIGIN,
  PUBLISHABLE,
  SECRET,
  startKeyedGateway,
  upstreamAt,
  type Entry,
  type TestGateway,
} from '../support/gateway.ts';
import { outboxFile } from '../support/outbox.ts';
import { TEST_KEYS } from '../support/recordings.ts';
import { type Behaviour, startUpstream } from '../support/upstream.ts';
import { startQuickClock } from '../support/virtual-clock.ts';
import { testEvery } from '../support/exhaustive.ts';

const FALLBACK: Entry = { ...SECRET, name: 'keeps', key: TEST_KEYS.other, delivery: 'fallback' };
const JANE = { email: 'jane@example.com' };

const faulty =
  (code: number): Behaviour =>
  (response) => {
    response.writeHead(500, { 'content-type': 'text/xml' }).end(fault(code));
  };

const silent: Behaviour = () => undefined;
const broken: Behaviour = (response) => void response.destroy();
const notSoap: Behaviour = (response) => void response.end('<html><body>Welcome</body></html>');

/** A gateway whose upstream does this, on an outbox. */
async function startWith(behave: Behaviour, ...entries: readonly Entry[]): Promise<TestGateway> {
  const { endpoint } = await startUpstream(behave);
  const env = { ...upstreamAt(endpoint), OUTBOX_URL: `file:${outboxFile()}`, REQUEST_DEADLINE_MS: '3000' };
  return startKeyedGateway(entries, env, startQuickClock());
}

const put = ({ putLead }: TestGateway, { key }: Entry, headers: Record<string, string> = {}) =>
  putLead(JANE, { headers: { ...bearer(key), ...headers } });

describe('a problem that may pass', () => {
  testEvery<[string, Behaviour]>(3, [
    ['upstream-busy', faulty(20023)],
    ['daily-quota-exhausted', faulty(20015)],
    ['upstream-unreachable', broken],
    ['upstream-timeout', silent],
    ['upstream-access-denied', faulty(20014)],
    ['upstream-clock-skew', faulty(20016)],
    ['upstream-error', faulty(20011)],
    ['upstream-error', faulty(10001)],
  ])('%s: the lead is kept, and its receipt says so', async (slug, behave) => {
    const gateway = await startWith(behave, SECRET, FALLBACK);
    const sync = await put(gateway, SECRET);
    expect(sync.body.type).toMatch(new RegExp(`/${slug}$`));
    const kept = await put(gateway, FALLBACK);
    expect(kept).toMatchObject({ status: 202, body: { status: 'ACCEPTED' } });
    expect(kept.headers.get('preference-applied')).toBeNull();
    const receipt = await gateway.request('GET', kept.body.receipt, { headers: bearer(FALLBACK.key) });
    expect(receipt).toMatchObject({ status: 202, body: { state: 'pending' } });
  });

  test('the same for a page, which learns nothing of it', async () => {
    const { endpoint } = await startUpstream(faulty(20014));
    const gateway = await startKeyedGateway([{ ...PUBLISHABLE, delivery: 'fallback' }], {
      ...upstreamAt(endpoint),
      OUTBOX_URL: `file:${outboxFile()}`,
    });
    const headers = { ...bearer(PUBLISHABLE.key), origin: ORIGIN };
    const { status, body } = await gateway.putLead(JANE, { headers });
    expect([status, body]).toEqual([202, { status: 'ACCEPTED' }]);
  });
});

describe('what another attempt would not change', () => {
  testEvery<[string, number, Behaviour]>(3, [
    ['upstream-error', 502, faulty(20012)],
    ['upstream-bad-response', 502, notSoap],
    ['lead-rejected', 422, faulty(20101)],
    ['lead-not-found', 404, faulty(20103)],
  ])('%s is the answer, and nothing is kept', async (slug, status, behave) => {
    const gateway = await startWith(behave, FALLBACK);
    const answer = await put(gateway, FALLBACK, { 'idempotency-key': 'k' });
    expect([answer.status, answer.body.type]).toEqual([status, expect.stringMatching(`/${slug}$`)]);
    // The key was not used up.
    const other = { headers: { ...bearer(FALLBACK.key), prefer: 'respond-async', 'idempotency-key': 'k' } };
    expect((await gateway.putLead({ email: 'joe@example.com' }, other)).status).toBe(202);
  });
});

describe('a lead to be returned', () => {
  const RETURNED = { ...JANE, returnLead: true };
  const modes: readonly [string, Entry, Record<string, string>][] = [
    ['delivery accept', { ...SECRET, delivery: 'accept' }, {}],
    ['delivery fallback', FALLBACK, {}],
    ['respond-async', SECRET, { prefer: 'respond-async' }],
    ['respond-async and wait', SECRET, { prefer: 'respond-async, wait=20' }],
    ['delivery accept and wait', { ...SECRET, delivery: 'accept' }, { prefer: 'respond-async, wait=20' }],
  ];

  test.each(modes)('with %s is refused before anything is kept or sent', async (_mode, entry, headers) => {
    let calls = 0;
    const gateway = await startWith((response) => {
      calls += 1;
      response.end(success());
    }, entry);
    const answer = await gateway.putLead(RETURNED, { headers: { ...bearer(entry.key), ...headers } });
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: '#/returnLead' }] } });
    expect(calls).toBe(0);
  });
});
