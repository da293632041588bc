import { afterAll, expect, test } from 'vitest';
import { problemType } from '../support/client.ts';
import { startTestGateway, type TestGateway, upstreamAt } from '../support/gateway.ts';
import { shared } from '../support/lasting.ts';
import { type Behaviour, startRawUpstream, startUpstream } from '../support/upstream.ts';
import type { UpstreamBehaviour } from './behaviours/behaviour.ts';
import { BROKEN_CONNECTIONS } from './behaviours/broken-connections.ts';
import { FAULTS } from './behaviours/faults.ts';
import { SUCCESSES } from './behaviours/successes.ts';
import { WRONG_ANSWERS } from './behaviours/wrong-answers.ts';
import { startLoopClock } from '../support/time.ts';

const ENV = { REQUEST_DEADLINE_MS: '3000', UPSTREAM_TIMEOUT_MS: '2500' };
/** What an answer may be late by. */
const TOLERANCE_MS = 250;

const ROWS = [...SUCCESSES, ...FAULTS, ...WRONG_ANSWERS, ...BROKEN_CONNECTIONS];
const outcomes: Record<string, number> = {};

test('each behaviour has a name of its own', () => {
  expect(new Set(ROWS.map(({ what }) => what)).size).toBe(ROWS.length);
});

/** Those that end with a timeout, together: each waits, and none needs the processor. */
const isWaited = ({ env }: UpstreamBehaviour) => env?.['UPSTREAM_TIMEOUT_MS'] !== undefined;

/** Answers that leave nothing behind in a gateway: one gets them all. */
const HARMLESS = new Set([...SUCCESSES, ...WRONG_ANSWERS]);
const behavesAs: { now: Behaviour; calls: number } = { now: () => {}, calls: 0 };
const common = shared(async () => {
  const { endpoint } = await startUpstream((response, call) => {
    behavesAs.calls += 1;
    return behavesAs.now(response, call, behavesAs.calls - 1);
  });
  const limits = { MARKETO_MAX_CALLS_PER_20S: '100000', MARKETO_DAILY_CALLS: '1000000' };
  return startTestGateway({ ...upstreamAt(endpoint), ...ENV, ...limits }, { random: () => 0 });
});

test.each(ROWS.filter((row) => !isWaited(row)))('$what', async (row) => {
  const { upstream, env } = row;
  const isCommon = HARMLESS.has(row) && env === undefined && 'http' in upstream;
  if (isCommon) Object.assign(behavesAs, { now: upstream.http, calls: 0 });
  const outcome = isCommon ? await check(row, common(), () => behavesAs.calls) : await checkAlone(row);
  expect(outcome).toMatch(/^\d{3} /);
});

test('what ends with a timeout', async () => {
  const rows = ROWS.filter(isWaited);
  const outcomesOf = await Promise.allSettled(rows.map(checkAlone));
  const failed = outcomesOf.flatMap((outcome, index) =>
    outcome.status === 'rejected' ? [`${rows[index]?.what}: ${String(outcome.reason)}`] : [],
  );
  expect(failed).toEqual([]);
});

async function checkAlone(row: UpstreamBehaviour): Promise<string> {
  const { endpoint, seen } = await start(row.upstream);
  const settings = { ...upstreamAt(endpoint), ...ENV, ...row.env };
  // Without chance in it there are no pauses between attempts.
  return check(row, await startTestGateway(settings, { random: () => 0 }), seen);
}

async function check(
  { what, expected, calls, env }: UpstreamBehaviour,
  gateway: TestGateway,
  seen: () => number,
): Promise<string> {
  const settings = { ...ENV, ...env };
  const elapsedMs = startLoopClock();
  const { status, body, headers } = await gateway.putLead({ email: 'a@b.c', returnLead: true });
  const tookMs = elapsedMs();

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
  expect(tookMs).toBeLessThan(Number(settings.REQUEST_DEADLINE_MS) + TOLERANCE_MS);
  if (calls !== undefined) expect(seen()).toBe(calls);
  const outcome = `${status} ${'result' in expected ? expected.result.status : expected.problem.slug}`;
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  return outcome;
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
