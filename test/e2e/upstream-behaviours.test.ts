import { afterAll, expect, test } from 'vitest';
import { problemType } from '../support/client.ts';
import { type Answer, startTestGateway, upstreamAt } from '../support/gateway.ts';
import { shared } from '../support/lasting.ts';
import { type Behaviour, startRawUpstream, startUpstream } from '../support/upstream.ts';
import type { UpstreamBehaviour } from './behaviours/behaviour.ts';
import { BROKEN_CONNECTIONS } from './behaviours/broken-connections.ts';
import { FAULTS } from './behaviours/faults.ts';
import { SUCCESSES } from './behaviours/successes.ts';
import { WRONG_ANSWERS } from './behaviours/wrong-answers.ts';
import { createVirtualClock, passUntil } from '../support/virtual-clock.ts';
import { testEvery } from '../support/exhaustive.ts';

const ENV = { REQUEST_DEADLINE_MS: '6000', UPSTREAM_TIMEOUT_MS: '5000' };
/** What an answer may be late by, and how far the clock moves while sockets are looked at; in virtual ms. */
const TOLERANCE_MS = 250;
const STEP_MS = 10;
const LEAD = { email: 'a@b.c', returnLead: true };

const ROWS = [...SUCCESSES, ...FAULTS, ...WRONG_ANSWERS, ...BROKEN_CONNECTIONS];
const outcomes: Record<string, number> = {};

test('each behaviour has a name of its own', () => {
  expect(new Set(ROWS.map(({ what }) => what)).size).toBe(ROWS.length);
});

/** Answers that leave nothing behind in a gateway: one gets them all. */
const HARMLESS = new Set([...SUCCESSES, ...WRONG_ANSWERS]);
const behavesAs: { now: Behaviour; calls: number } = { now: () => {}, calls: 0 };
const common = shared(async () => {
  const { endpoint } = await startUpstream((response, call) => {
    behavesAs.calls += 1;
    return behavesAs.now(response, call, behavesAs.calls - 1);
  });
  return startTestGateway({
    ...upstreamAt(endpoint),
    REQUEST_DEADLINE_MS: '60000',
    UPSTREAM_TIMEOUT_MS: '50000',
    MARKETO_MAX_CALLS_PER_20S: '100000',
    MARKETO_DAILY_CALLS: '1000000',
  });
});

testEvery(9, ROWS)('$what', async (row) => {
  const { upstream, env } = row;
  const mayPass = 'problem' in row.expected && row.expected.problem.retryable === true;
  const isCommon = HARMLESS.has(row) && !mayPass && env === undefined && 'http' in upstream;
  if (isCommon) Object.assign(behavesAs, { now: upstream.http, calls: 0 });
  const calls = isCommon
    ? check(row, await common().putLead(LEAD), () => behavesAs.calls)
    : await checkAlone(row);
  expect(calls()).toBe(row.calls ?? calls());
});

/** In a gateway of its own, whose clock moves only while the lead is not answered. */
async function checkAlone(row: UpstreamBehaviour): Promise<() => number> {
  const { endpoint, seen } = await start(row.upstream);
  const settings = { ...ENV, ...row.env };
  const clock = createVirtualClock(Date.now());
  // Without chance in it there are no pauses between attempts.
  const deps = { ...clock, random: () => 0 };
  const gateway = await startTestGateway({ ...upstreamAt(endpoint), ...settings }, deps);
  const fromMs = clock.monotonicMs();
  const answer = await passUntil(clock, gateway.putLead(LEAD), STEP_MS);
  expect(clock.monotonicMs() - fromMs).toBeLessThan(Number(settings.REQUEST_DEADLINE_MS) + TOLERANCE_MS);
  return check(row, answer, seen);
}

/** Gives back what counts the calls that have arrived. */
function check(
  { what, expected }: UpstreamBehaviour,
  { status, body, headers }: Answer,
  seen: () => number,
): () => number {
  if ('result' in expected) {
    expect({ status, body }).toEqual({
      status: expected.result.status === 'CREATED' ? 201 : 200,
      body: expected.result,
    });
  } else {
    const { slug, upstream: said, ...members } = expected.problem;
    expect({ status, body }).toMatchObject({
      status: members.status,
      body: { type: problemType(slug), ...members },
    });
    if (said !== undefined) expect(body.upstream).toEqual(said);
    if (said?.code !== undefined) expect(body.detail).toMatch(/\.$/);
    expect(body.detail).toMatch(/^[A-Z]/);
    expect(body.detail.length).toBeLessThan(2200);
    // Where the upstream sends one, the gateway hands it on.
    expect(headers.has('retry-after')).toBe(status === 429 || what.includes('with a Retry-After'));
  }
  const outcome = `${status} ${'result' in expected ? expected.result.status : expected.problem.slug}`;
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return seen;
}

afterAll(() => {
  const lines = Object.entries(outcomes).toSorted(([one], [other]) => (one < other ? -1 : 1));
  const total = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  // oxlint-disable-next-line no-console -- the figures of the run
  console.log(
    `${total} of ${ROWS.length} upstream behaviours as expected:\n${lines.map(([outcome, count]) => `  ${count} × ${outcome}`).join('\n')}`,
  );
});

async function start(
  upstream: UpstreamBehaviour['upstream'],
): Promise<{ endpoint: string; seen: () => number }> {
  if ('endpoint' in upstream) return { endpoint: upstream.endpoint, seen: () => 0 };
  if ('http' in upstream) {
    const { endpoint, calls } = await startUpstream(upstream.http);
    return { endpoint, seen: () => calls.length };
  }
  const { endpoint, requests } = await startRawUpstream(upstream.raw);
  return {
    endpoint: upstream.scheme === undefined ? endpoint : endpoint.replace(/^http:/, `${upstream.scheme}:`),
    seen: () => requests.length,
  };
}
