import assert from 'node:assert/strict';
import { control, msUntilServed, putLead, sleep, startGateway, startSandbox } from '../../processes.mjs';

/** The upstream is killed with leads on the wire, is away for three seconds and comes back. */
export async function killedUpstream() {
  const sandbox = await startSandbox();
  const gateway = await startGateway({ ...sandbox.env, REQUEST_DEADLINE_MS: '4000' });
  await control(sandbox.url, '/next', { delayMs: 3000, times: 20 });
  const onTheWire = Array.from({ length: 20 }, (_, index) =>
    putLead(gateway.url, `wire${index}@example.com`),
  );
  await sleep(300);
  sandbox.child.kill('SIGKILL');
  await sleep(3000);
  const away = await putLead(gateway.url, 'away@example.com');
  assert.equal(away.status, 502);
  assert.equal(away.type, '/problems/upstream-unreachable');
  assert.equal(away.retryable, true);
  await startSandbox({}, sandbox.port);
  const backMs = await msUntilServed(gateway.url);
  const statuses = (await Promise.all(onTheWire)).map(({ status }) => status);
  for (const status of statuses) assert.ok([200, 201, 502, 504].includes(status), `${status}`);
  assert.ok(backMs < 2500, `${backMs} ms`);
  assert.equal(await gateway.stop(), 0);
  return { onTheWire: tally(statuses), servedAgainAfterMs: backMs };
}

function tally(values) {
  const counts = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
