import { once } from 'node:events';
import { connect } from 'node:net';
import { Agent } from 'node:http';
import { expect, test } from 'vitest';
import { problemType } from '../../test/support/client.ts';
import { freshConnections, putLead, putLeads, tally } from '../../test/support/load.ts';
import { QUIET, type Run, runScript, runServe, untilServing } from '../../test/support/process.ts';
import { controlOf } from '../../test/support/sandbox.ts';

/** How often the gateway is stopped in the middle of its work. More by hand: STOPS=20. */
const STOPS = Number(process.env['STOPS'] ?? 3);

/** Gives the exit code. */
function stop(run: Run, signal: NodeJS.Signals = 'SIGTERM') {
  run.child.kill(signal);
  return run.ended;
}

/** More than a test may last: what ends has not waited for it. */
const LONG_MS = 300_000;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Makes the next calls take that long. */
const slowCalls = (sandboxUrl: string, delayMs: number, times: number): Promise<unknown> =>
  controlOf(sandboxUrl)('POST', '/next', { delayMs, times });

test.each(Array.from({ length: STOPS }, (_, index) => index + 1))(
  'every one of 500 requests is answered when SIGTERM comes in the middle of them (%i)',
  async () => {
    const delayMs = Math.round(50 + Math.random() * 250);
    const { run, url } = await runServe({ SHUTDOWN_DELAY_MS: `${delayMs}`, SHUTDOWN_GRACE_MS: `${LONG_MS}` });
    const { written, answers } = putLeads(url, 500);
    // At a random moment, with everything written and little of it answered.
    await written;
    await sleep(Math.random() * 300);
    const [exit, all] = await Promise.all([stop(run), answers]);
    const counts = tally(all);
    if (process.env['STOPS'] !== undefined) process.stdout.write(`${JSON.stringify({ ...counts, exit })}\n`);
    expect(exit).toBe(0);
    expect(Object.keys(counts).filter((outcome) => !['200', '201', '503'].includes(outcome))).toEqual([]);
  },
);

test.each([1, 2, 3])(
  'a client that sends one request after another sees answers and announced closes only (%i)',
  async () => {
    const { run, url } = await runServe({ SHUTDOWN_DELAY_MS: '400' });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const answers: { readonly outcome: number | string; readonly closes: boolean }[] = [];
    const client = (async () => {
      for (let index = 0; ; index += 1) {
        const answer = await putLead(url, `lead${index % 50}@example.com`, agent);
        answers.push(answer);
        if (answer.outcome === 'ECONNREFUSED') return;
      }
    })();
    await sleep(300);
    const exit = await stop(run);
    await client;
    expect(exit).toBe(0);
    const counts = tally(answers);
    expect(Object.keys(counts).filter((key) => !['200', '201', '503', 'ECONNREFUSED'].includes(key))).toEqual(
      [],
    );
    expect(answers.findLast(({ outcome }) => typeof outcome === 'number')?.closes).toBe(true);
  },
);

test('while it stops it is not ready, serves what comes at first and refuses later leads', async () => {
  const { run, url, sandboxUrl } = await runServe({ SHUTDOWN_DELAY_MS: '700' });
  await slowCalls(sandboxUrl, 1500, 1);
  const agent = freshConnections();
  const running = putLead(url, 'running@example.com', agent);
  await sleep(150);
  run.child.kill('SIGTERM');
  await sleep(100);
  const readiness = await fetch(`${url}/readyz`);
  expect(readiness.status).toBe(503);
  expect(await readiness.json()).toEqual({ status: 'unready', reasons: ['shutting down'] });
  expect((await putLead(url, 'draining@example.com', agent)).outcome).toBe(201);
  await sleep(800);
  const refused = await fetch(`${url}/leads`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: '{"email":"late@example.com"}',
  });
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('5');
  expect(refused.headers.get('connection')).toBe('close');
  expect(await refused.json()).toMatchObject({ type: problemType('unavailable'), retryable: true });
  expect(await running).toEqual({ outcome: 201, closes: true });
  expect(await run.ended).toBe(0);
});

test('a lead that cannot be finished in the grace period is refused, not dropped', async () => {
  const { run, url, sandboxUrl } = await runServe({ SHUTDOWN_GRACE_MS: '1000', SHUTDOWN_DELAY_MS: '100' });
  await slowCalls(sandboxUrl, LONG_MS, 10);
  const { answers } = putLeads(url, 30);
  await sleep(200);
  const exit = await stop(run);
  expect(tally(await answers)).toEqual({ 503: 30 });
  expect(exit).toBe(0);
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('a second %s ends it at once with %i', async (signal, exitCode) => {
  const { run, url, sandboxUrl } = await runServe({ SHUTDOWN_GRACE_MS: `${LONG_MS}` });
  await slowCalls(sandboxUrl, LONG_MS, 1);
  const answer = putLead(url, 'a@example.com', freshConnections());
  await sleep(150);
  run.child.kill(signal);
  // Only a signal that comes clearly later than the handling of the first counts as another one.
  await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(503);
  await sleep(100);
  const exit = await stop(run, signal);
  expect(exit).toBe(exitCode);
  await answer;
});

/** A gateway whose shell was ended by SIGTERM as soon as a lead was on its way, and the answer to that lead. */
async function orphan(env: Readonly<Record<string, string>>) {
  // As dash does it, whatever /bin/sh is: the shell waits for the command and does not become it.
  const script = `"${process.execPath}" dist/main.js serve; :`;
  const { run, url, sandboxUrl } = await untilServing(
    runScript(script, { ...QUIET, SHUTDOWN_DELAY_MS: '100', ...env }),
  );
  await slowCalls(sandboxUrl, 1000, 1);
  const answer = putLead(url, 'a@example.com', freshConnections());
  await sleep(150);
  run.child.kill('SIGTERM');
  return { run, url, answer };
}

test('what npx started stops as usual when its shell is gone', async () => {
  const { run, url, answer } = await orphan({ npm_lifecycle_script: 'lead-gateway' });
  expect((await answer).outcome).toBe(201);
  // The process at the other end of its output has ended with it.
  expect(await run.ended).toBe('SIGTERM');
  await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed');
});

test.each([{}, { npm_lifecycle_script: 'lead-gateway > log 2>&1 & wait-for-it' }])(
  'what is meant to outlive its shell does (%o)',
  async (env) => {
    const { url, answer } = await orphan(env);
    expect((await answer).outcome).toBe(201);
    await sleep(1000);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  },
);

test('a client that disconnects with requests in the pipeline is logged for each and does not delay shutdown', async () => {
  const { run, url, sandboxUrl } = await runServe({
    SHUTDOWN_DELAY_MS: '50',
    SHUTDOWN_GRACE_MS: `${LONG_MS}`,
    LOG_LEVEL: 'info',
  });
  await slowCalls(sandboxUrl, 500, 1);
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  const lead = '{"email":"a@example.com"}';
  const head = 'PUT /leads HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
  socket.write(`${head}Content-Length: ${lead.length}\r\n\r\n${lead}`.repeat(5));
  await sleep(200);
  socket.destroy();
  await expect
    .poll(() => run.output().stdout.match(/client disconnected before the response/g)?.length)
    .toBe(5);
  // The one on the wire is finished, those that waited behind it are not sent.
  await sleep(700);
  const { calls } = await controlOf(sandboxUrl)('GET', '/calls');
  expect(calls).toHaveLength(1);
  const exit = await stop(run);
  expect(exit).toBe(0);
});

test('idle connections end cleanly', async () => {
  const { run, url } = await runServe({ SHUTDOWN_DELAY_MS: '50', SHUTDOWN_GRACE_MS: `${LONG_MS}` });
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const errors: unknown[] = [];
  socket.on('error', (error) => errors.push(error)).resume();
  await once(socket, 'connect');
  socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await sleep(100);
  const [exit] = await Promise.all([stop(run), once(socket, 'close')]);
  expect(errors).toEqual([]);
  expect(exit).toBe(0);
});

test.each(['throw', 'reject'])(
  'an uncaught error (%s) is logged, drained and ends it with 1',
  async (how) => {
    const fail =
      how === 'throw'
        ? 'throw Object.assign(new Error("jane@example.com"))'
        : 'void Promise.reject(new Error("jane@example.com"))';
    const { run, url, sandboxUrl } = await runServe({
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(`process.on('SIGUSR2', () => { ${fail} })`)}`,
    });
    await slowCalls(sandboxUrl, 800, 1);
    const answer = putLead(url, 'a@example.com', freshConnections());
    await sleep(150);
    run.child.kill('SIGUSR2');
    expect((await answer).outcome).toBe(201);
    expect(await run.ended).toBe(1);
    const { stdout, stderr } = run.output();
    expect(stdout).toContain('uncaught error');
    expect(stdout + stderr).not.toContain('jane@example.com');
  },
);
