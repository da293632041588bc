import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { success } from '../support/answers.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import { problemType, putLead as sendLead } from '../support/client.ts';
import { startTestGateway, upstreamAt } from '../support/gateway.ts';
import { startRestUpstream } from '../support/rest-upstream.ts';
import { freshConnections, putLead, putLeads, tally } from '../support/load.ts';
import { runServe } from '../support/process.ts';
import { controlOf } from '../support/sandbox.ts';
import { startUpstream } from '../support/upstream.ts';
import { EXHAUSTIVE } from '../support/exhaustive.ts';

// checks/resilience/stopping.test.ts stops the program in more ways, and under load.

/** More than a test may last: what ends has not waited for it. */
const LONG_MS = 300_000;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `leads` leads wait and `calls` calls run. */
async function holds(url: string, leads: number, calls: number): Promise<void> {
  const metrics = async () => (await fetch(`${url}/metrics`)).text();
  const gauges = [`^lead_gateway_queue_leads ${leads}$`, `^lead_gateway_calls_running ${calls}$`];
  await expect
    .poll(async () => {
      const text = await metrics();
      return gauges.filter((gauge) => !new RegExp(gauge, 'm').test(text));
    })
    .toEqual([]);
}

/** An upstream that keeps the answer to its first call until it is released; every lead is a call. */
async function startHeldUpstream() {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const upstream = await startUpstream(async (response, _call, index) => {
    if (index === 0) await released;
    response.setHeader('Content-Type', 'text/xml').end(success({ status: 'CREATED' }));
  });
  return {
    ...upstream,
    release,
    env: { ...upstreamAt(upstream.endpoint), MARKETO_MAX_BATCH: '1' },
  };
}

test('while it stops it is not ready, serves what comes at first and refuses later leads', async () => {
  // The delay is over when the test says so.
  let endDelay = () => {};
  const setTimer: Clock['setTimer'] = (fn, ms) => {
    if (ms !== 700) return setTimeout(fn, ms);
    endDelay = fn;
    return 0;
  };
  const upstream = await startHeldUpstream();
  const gateway = await startTestGateway({ ...upstream.env, SHUTDOWN_DELAY_MS: '700' }, { setTimer });
  const agent = freshConnections();
  const running = putLead(gateway.url, 'running@example.com', agent);
  await holds(gateway.url, 0, 1);
  const closed = gateway.close();
  const readiness = await gateway.request('GET', '/readyz');
  expect(readiness.status).toBe(503);
  expect(readiness.body).toEqual({ status: 'unready', reasons: ['shutting down'] });
  expect((await putLead(gateway.url, 'draining@example.com', agent)).outcome).toBe(201);
  endDelay();
  const refused = await sendLead(gateway.url, { email: 'late@example.com' });
  expect(refused.status).toBe(503);
  expect(refused.headers).toMatchObject({ 'retry-after': '5', connection: 'close' });
  expect(refused.json).toMatchObject({ type: problemType('unavailable'), retryable: true });
  upstream.release();
  expect(await running).toEqual({ outcome: 201, closes: true });
  await closed;
});

test('a lead that cannot be finished in the grace period is refused, not dropped', async () => {
  const upstream = await startUpstream(() => {});
  const env = { ...upstreamAt(upstream.endpoint), SHUTDOWN_GRACE_MS: '400' };
  const gateway = await startTestGateway({ ...env, MARKETO_MAX_BATCH: '1', MARKETO_MAX_CONCURRENT: '10' });
  const { answers } = putLeads(gateway.url, 30);
  await holds(gateway.url, 20, 10);
  await gateway.close();
  expect(tally(await answers)).toEqual({ 503: 30 });
});

test('by REST a lead whose call may still create it is sent again once that must have ended', async () => {
  const upstream = await startRestUpstream({ call: () => true });
  const gateway = await startTestGateway({ ...upstream.env, SHUTDOWN_GRACE_MS: '400' });
  const refused = sendLead(gateway.url, { email: 'a@example.com' });
  await expect.poll(() => upstream.syncs().length).toBe(1);
  await gateway.close();
  const { status, headers, json } = await refused;
  expect([status, headers['retry-after']]).toEqual([503, '90']);
  expect(json['detail']).toMatch(/safe after the time in Retry-After/);
});

test('a client that disconnects with requests in the pipeline is logged for each and does not delay shutdown', async () => {
  const upstream = await startHeldUpstream();
  const gateway = await startTestGateway({ ...upstream.env, SHUTDOWN_GRACE_MS: `${LONG_MS}` });
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  await once(socket, 'connect');
  const lead = '{"email":"a@example.com"}';
  const head = 'PUT /leads HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
  socket.write(`${head}Content-Length: ${lead.length}\r\n\r\n${lead}`.repeat(5));
  await holds(gateway.url, 1, 1);
  socket.destroy();
  const disconnects = () => gateway.logs.filter((line) => line.includes('client disconnected before the'));
  await expect.poll(() => disconnects().length).toBe(5);
  // The one on the wire is finished, those that waited behind it are not sent.
  await holds(gateway.url, 0, 1);
  upstream.release();
  await gateway.close();
  expect(upstream.calls).toHaveLength(1);
});

test('idle connections end cleanly', async () => {
  const gateway = await startTestGateway({ SHUTDOWN_GRACE_MS: `${LONG_MS}` });
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  const errors: unknown[] = [];
  socket.on('error', (error) => errors.push(error));
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(socket, 'data');
  await Promise.all([gateway.close(), once(socket.resume(), 'close')]);
  expect(errors).toEqual([]);
});

/** A process with one lead on its way to a sandbox that takes `delayMs` for it. */
async function serveOne(delayMs: number, env: Readonly<Record<string, string>>) {
  const { run, url, sandboxUrl } = await runServe(env);
  await controlOf(sandboxUrl)('POST', '/next', { delayMs });
  const answer = putLead(url, 'a@example.com', freshConnections());
  await holds(url, 0, 1);
  return { run, url, answer };
}

test('every one of 100 requests is answered when SIGTERM comes in the middle of them', async () => {
  const { run, url } = await runServe({ SHUTDOWN_DELAY_MS: '100', SHUTDOWN_GRACE_MS: `${LONG_MS}` });
  const { written, answers } = putLeads(url, 100);
  await written;
  run.child.kill('SIGTERM');
  const counts = tally(await answers);
  expect(await run.ended).toBe(0);
  expect(Object.keys(counts).filter((outcome) => !['200', '201', '503'].includes(outcome))).toEqual([]);
});

test('a second SIGINT ends it at once with 130', EXHAUSTIVE, async () => {
  const { run, url, answer } = await serveOne(LONG_MS, { SHUTDOWN_GRACE_MS: `${LONG_MS}` });
  run.child.kill('SIGINT');
  // Only a signal that comes clearly later than the handling of the first counts as another one.
  await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(503);
  await sleep(100);
  run.child.kill('SIGINT');
  expect(await run.ended).toBe(130);
  await answer;
});

test('a signal that npm passes on as well is one signal', EXHAUSTIVE, async () => {
  const { run, answer } = await serveOne(1000, { npm_lifecycle_event: 'start' });
  run.child.kill('SIGTERM');
  await sleep(100);
  run.child.kill('SIGTERM');
  expect(await run.ended).toBe(0);
  expect((await answer).outcome).toBe(201);
});

test('an uncaught error is logged, drained and ends it with 1', EXHAUSTIVE, async () => {
  const fail = 'throw Object.assign(new Error("jane@example.com"))';
  const { run, answer } = await serveOne(800, {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(`process.on('SIGUSR2', () => { ${fail} })`)}`,
  });
  run.child.kill('SIGUSR2');
  expect((await answer).outcome).toBe(201);
  expect(await run.ended).toBe(1);
  const { stdout, stderr } = run.output();
  expect(stdout).toContain('uncaught error');
  expect(stdout + stderr).not.toContain('jane@example.com');
});
