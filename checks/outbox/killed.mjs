// A gateway that is killed (kill -9) again and again while it accepts, claims and delivers leads, with the upstream up, down
// and coming and going: no lead that was answered with 202 is lost, sent out of its person's order, or still pending at the end.
//
//   node checks/outbox/killed.mjs [rounds] [leads accepted in all, at least] [encrypted]
//
// Needs a build (node build/build.mjs).
import { statSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { kill, sleep, startGateway, temporaryFolder } from '../processes.mjs';
import { createPeople, startUpstream, verify } from './people.mjs';

const [rounds = 100, leads = 0, encrypted] = process.argv.slice(2);
const PEOPLE = 1500;
const AT_A_TIME = 64;
/** A gateway lives that long, in ms. */
const [SHORTEST_MS, LONGEST_MS] = [30, 3000];

const path = join(temporaryFolder(), 'outbox.db');
const upstream = await startUpstream();
const env = {
  ...upstream.env,
  OUTBOX_URL: `file:${path}`,
  ...(encrypted !== undefined && { OUTBOX_ENCRYPTION_KEYS: randomBytes(32).toString('base64') }),
};
const people = createPeople(PEOPLE);
const startedMs = performance.now();

let gateway = await startGateway(env);
let isOn = true;
const sending = people.send(
  () => gateway.url,
  AT_A_TIME,
  () => isOn,
);
const MODES = ['up', 'down', 'flapping'];
for (let round = 0; round < Number(rounds) || people.leads() < Number(leads); round += 1) {
  const mode = MODES[round % MODES.length];
  upstream.set(mode !== 'down');
  const endsMs = performance.now() + SHORTEST_MS + Math.random() * (LONGEST_MS - SHORTEST_MS);
  while (performance.now() < endsMs) {
    await sleep(Math.min(100, Math.max(1, endsMs - performance.now())));
    if (mode === 'flapping') upstream.set(Math.random() < 0.5);
  }
  await kill(gateway.child);
  gateway = await startGateway(env);
}
isOn = false;
await sending;
upstream.set(true);
const figures = await verify(upstream, people, gateway.url, 120_000);
const seconds = Math.round((performance.now() - startedMs) / 1000);
const mib = Math.round(statSync(path).size / 1048576);
console.log(JSON.stringify({ rounds: Number(rounds), ...figures, mib, seconds }));
process.exit(0);
