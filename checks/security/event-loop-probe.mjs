// Preloaded into a gateway: says how long its event loop was held up since it was last asked, in ms. A ticker of 1 ms notes
// the time between two ticks, and the CPU time that the main thread took in it, where the system tells that (Linux): other
// programs on a busy machine take none of it.
import { openSync, readSync } from 'node:fs';

const TICK_MS = 1;

/** Gives CPU time of the main thread in ms (proc(5), schedstat), up to 4 ms late; NaN where it is not known. */
function createCpuClock() {
  try {
    const file = openSync(`/proc/self/task/${process.pid}/schedstat`);
    const text = Buffer.alloc(64);
    return () => Number(text.latin1Slice(0, readSync(file, text, 0, 64, 0)).split(' ', 1)[0]) / 1e6;
  } catch {
    return () => Number.NaN;
  }
}

const cpuMs = createCpuClock();
let last = { ms: performance.now(), cpuMs: cpuMs() };
let longest = { ms: 0, cpuMs: 0 };

function tick() {
  const now = { ms: performance.now(), cpuMs: cpuMs() };
  longest.ms = Math.max(longest.ms, now.ms - last.ms);
  // What is told late may be of the tick before: no more than the time between the two is of this one.
  longest.cpuMs = Math.max(longest.cpuMs, Math.min(now.ms - last.ms, now.cpuMs - last.cpuMs));
  last = now;
}

setInterval(tick, TICK_MS);
process.on('message', (message) => {
  if (message !== 'stall') return;
  process.send(longest);
  longest = { ms: 0, cpuMs: 0 };
});
