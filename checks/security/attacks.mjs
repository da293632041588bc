// Attacks a gateway, and says of each attack whether the gateway held:
//
//   npm run check:security                       against gateways of its own
//   npm run check:security -- --url https://staging.example.com [--key-file FILE]
//                                                against a running one: what is safe and can be seen from outside
//
// --key-file names a file with a secret key that the gateway knows; without it, what needs a key is skipped. None of
// these attacks creates a lead while the gateway holds. --json prints one JSON array. The exit code is 1 if one succeeded.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ACCESS_ATTACKS } from './access-attacks.mjs';
import { HTTP_ATTACKS } from './http-attacks.mjs';
import { RESOURCE_ATTACKS } from './resource-attacks.mjs';
import { startOwnTarget } from './target.mjs';

const ATTACKS = [...HTTP_ATTACKS, ...ACCESS_ATTACKS, ...RESOURCE_ATTACKS];

const OPTIONS = {
  url: { type: 'string' },
  'key-file': { type: 'string' },
  json: { type: 'boolean', default: false },
};

function misused(message) {
  console.error(`${message}\nUsage: npm run check:security -- [--url URL [--key-file FILE]] [--json]`);
  process.exit(64);
}

function readOptions() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    return misused(error.message);
  }
}

async function targetOf({ url, 'key-file': keyFile }) {
  if (url === undefined) {
    if (keyFile !== undefined) misused('--key-file goes with --url.');
    return { ...(await startOwnTarget()), isOwn: true };
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    misused(`--url ${url} is not the address of a gateway.`);
  const key = keyFile === undefined ? undefined : readFileSync(keyFile, 'utf8').trim();
  return { url, key, isOwn: false };
}

/** Why an attack is left out; undefined if it is not. */
function reasonToSkip({ outside = false, needsKey = false, needs = process.platform }, { isOwn, key }) {
  if (!isOwn && !outside) return 'only against a gateway of its own';
  if (needsKey && key === undefined) return 'needs --key-file';
  return needs === process.platform ? undefined : `needs ${needs}`;
}

async function tryOne(attack, target) {
  const skipped = reasonToSkip(attack, target);
  if (skipped !== undefined) return { result: 'skip', detail: skipped };
  try {
    const said = await attack.run(target);
    return typeof said === 'string'
      ? { result: 'pass', detail: said }
      : { result: 'skip', detail: said.skip };
  } catch (error) {
    return { result: 'fail', detail: error.cause?.message ?? error.message };
  }
}

async function measure(attack, target) {
  const startedMs = performance.now();
  const { result, detail } = await tryOne(attack, target);
  const ms = Math.round(performance.now() - startedMs);
  if (!options.json) console.log(`${result}  ${attack.name} (${detail}; ${ms} ms)`);
  return { name: attack.name, result, detail, ms };
}

const options = readOptions();
const target = await targetOf(options);
// What mostly waits runs beside the rest.
const waiting = ATTACKS.filter(({ waits }) => waits === true).map((attack) => measure(attack, target));
const results = [];
for (const attack of ATTACKS.filter(({ waits }) => waits !== true))
  results.push(await measure(attack, target));
results.push(...(await Promise.all(waiting)));
const failed = results.filter(({ result }) => result === 'fail').length;
if (options.json) console.log(JSON.stringify(results, null, 2));
else console.log(`${results.length} attacks, ${failed} succeeded`);
process.exit(failed > 0 ? 1 : 0);
