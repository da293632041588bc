import assert from 'node:assert/strict';
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashKey, writeKey } from '../../../dist/access/api-key.js';
import { putLead, sleep, startGateway, startSandbox, temporaryFolder } from '../../processes.mjs';

/** The clock of the gateway's machine is moved by an hour forward, back, an hour back and right again; that of its upstream is not. */
export async function clockJump() {
  const folder = temporaryFolder();
  const file = join(folder, 'offset');
  const setClock = (seconds) => {
    writeFileSync(`${file}.new`, `${seconds >= 0 ? '+' : ''}${seconds}`);
    renameSync(`${file}.new`, file);
  };
  setClock(0);
  const sandbox = await startSandbox();
  const gateway = await startGateway({
    ...sandbox.env,
    LD_PRELOAD: libfaketime(),
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    API_KEYS_FILE: keysFile(folder),
  });
  const key = { 'x-api-key': KEY };
  const result = {};
  let index = 0;
  for (const [name, seconds] of Object.entries({
    'an hour ahead': 3600,
    'right again': 0,
    'an hour behind': -3600,
    'right in the end': 0,
  })) {
    setClock(seconds);
    await sleep(1100);
    const before = gateway.child.output().length;
    // More than the key may send in a second: refused ones are to be let in a second later, whatever the clock does.
    const burst = await Promise.all(
      Array.from({ length: 12 }, () => putLead(gateway.url, `jump${(index += 1)}@example.com`, key)),
    );
    await sleep(1100);
    const next = await putLead(gateway.url, `jump${(index += 1)}@example.com`, key);
    assert.equal(next.status, 201, `${name}: ${JSON.stringify(next)}`);
    const limited = burst.filter(({ status }) => status === 429);
    const written = burst.filter(({ status }) => status === 201);
    assert.equal(written.length + limited.length, burst.length, JSON.stringify(burst));
    assert.ok(written.length > 0 && limited.length > 0, JSON.stringify(burst));
    for (const { retryAfter } of limited) assert.ok(Number(retryAfter) <= 2, `retry after ${retryAfter} s`);
    const log = gateway.child.output().slice(before);
    result[name] = {
      written: written.length,
      limited: limited.length,
      slowestMs: Math.max(...burst.map(({ tookMs }) => tookMs)),
      corrected: Number(/"correctionMs":(-?\d+)/.exec(log)?.[1] ?? 0),
    };
  }
  const { 'an hour ahead': ahead, 'an hour behind': behind } = result;
  assert.ok(Math.abs(ahead.corrected + 3_600_000) < 5000, 'the clock was moved, and found out');
  assert.ok(Math.abs(behind.corrected - 3_600_000) < 5000, 'the clock was moved back, and found out');
  assert.equal(await gateway.stop(), 0);
  return result;
}

function libfaketime() {
  const path = readdirSync('/usr/lib')
    .map((folder) => `/usr/lib/${folder}/faketime/libfaketimeMT.so.1`)
    .find((candidate) => existsSync(candidate));
  assert.ok(path !== undefined, 'libfaketime is not installed');
  return path;
}

// Of no use anywhere: made of zeros.
const KEY = writeKey('secret', new Uint8Array(32));

function keysFile(folder) {
  const path = join(folder, 'keys.json');
  const rateLimit = { requestsPerSecond: 5 };
  const entry = {
    name: 'survivor',
    hash: hashKey(KEY),
    kind: 'secret',
    attributes: ['*'],
    workspaces: ['*'],
    rateLimit,
  };
  writeFileSync(path, JSON.stringify({ keys: [entry] }));
  return path;
}
