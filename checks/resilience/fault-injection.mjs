// What happens around the gateway when things go wrong, each with the answer the README promises and without a restart:
//
//   unshare --net --mount sh -c 'ip link set lo up && exec node checks/resilience/fault-injection.mjs [name...]'
//
// Needs a build (npm run build), root, and Debian's nftables and libfaketime. It drops packets, mounts disks and puts
// another /etc/resolv.conf in place, and therefore refuses to run in the machine's own namespaces. Prints a line each;
// ends with 1 at the first that is not as it should be.
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { blackHole } from './fault-injection/black-hole.mjs';
import { clockJump } from './fault-injection/clock-jump.mjs';
import { dnsFailure } from './fault-injection/dns-failure.mjs';
import { fullDisk } from './fault-injection/full-disk.mjs';
import { killedUpstream } from './fault-injection/killed-upstream.mjs';

const SCENARIOS = { killedUpstream, blackHole, dnsFailure, clockJump, fullDisk };

assert.deepEqual(
  Object.keys(networkInterfaces()),
  ['lo'],
  'this has to run in namespaces of its own; see the first lines of the file',
);
const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(SCENARIOS);
for (const name of names) console.log(name, JSON.stringify(await SCENARIOS[name]()));
process.exit(0);
