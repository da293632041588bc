import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { msUntilServed, putLead, quantile, sleep, startGateway, startSandbox } from '../../processes.mjs';

const DEADLINE_MS = 3000;

const nft = (...args) => execFileSync('nft', args);

/** Every packet to the upstream and from it vanishes for a while, without a word to either side. */
export async function blackHole() {
  const sandbox = await startSandbox();
  const gateway = await startGateway({
    ...sandbox.env,
    REQUEST_DEADLINE_MS: `${DEADLINE_MS}`,
    UPSTREAM_TIMEOUT_MS: '2000',
  });
  assert.equal((await putLead(gateway.url, 'first@example.com')).status, 201);
  nft('add', 'table', 'inet', 'hole');
  nft('add', 'chain', 'inet', 'hole', 'in', '{ type filter hook input priority 0; }');
  nft('add', 'rule', 'inet', 'hole', 'in', 'tcp', 'dport', `${sandbox.port}`, 'drop');
  nft('add', 'rule', 'inet', 'hole', 'in', 'tcp', 'sport', `${sandbox.port}`, 'drop');
  const answers = [];
  for (let round = 0; round < 3; round += 1) {
    const some = Array.from({ length: 20 }, (_, index) =>
      putLead(gateway.url, `r${round}l${index}@example.com`),
    );
    await sleep(1000);
    const health = await fetch(`${gateway.url}/healthz`);
    assert.equal(health.status, 200);
    await health.arrayBuffer();
    answers.push(...(await Promise.all(some)));
  }
  for (const { status, type, tookMs } of answers) {
    assert.ok(
      [
        '504 /problems/upstream-timeout',
        '502 /problems/upstream-unreachable',
        '429 /problems/upstream-busy',
      ].includes(`${status} ${type}`),
      `${status} ${type}`,
    );
    assert.ok(tookMs < DEADLINE_MS + 500, `${tookMs} ms`);
  }
  nft('delete', 'table', 'inet', 'hole');
  const backMs = await msUntilServed(gateway.url);
  assert.ok(backMs < 4000, `${backMs} ms`);
  assert.equal(await gateway.stop(), 0);
  return {
    answers: Object.fromEntries(
      ['429', '502', '504'].map((code) => [
        code,
        answers.filter(({ status }) => `${status}` === code).length,
      ]),
    ),
    slowestMs: quantile(
      answers.map(({ tookMs }) => tookMs),
      1,
    ),
    servedAgainAfterMs: backMs,
  };
}
