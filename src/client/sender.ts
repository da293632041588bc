import type { LeadClientOptions, LeadResult } from './public.d.ts';
import { isElsewhere, renewLease } from './lock.ts';
import type { Pause } from './pause.ts';
import { isLasting, LeadProblem, localProblem } from './problem.ts';
import { type Entry, entriesOf, finish, madeAt, update } from './queue.ts';
import { type Answer, put, sendBeacon } from './request.ts';
import { tell, tellQueued } from './waiters.ts';

/** Leads of different people that are sent at the same time. */
const MAX_IN_FLIGHT = 4;
/** What another page sent before it died may still arrive for so long. */
const ARRIVAL_MS = 5000;
const MAX_AGE_MS = 30 * 86_400_000;

export type SenderOptions = Required<Pick<LeadClientOptions, 'url' | 'onProblem'>> & {
  readonly prefix: string;
  readonly key: string | undefined;
};

/** Sends the leads of a queue, those of a person one after the other. Calls `finished` when a request is over. */
export function createSender(options: SenderOptions, owner: string, pause: Pause, finished: () => void) {
  const { url, prefix, key, onProblem } = options;
  const inFlight = new Set<string>();
  let changed = false;
  const isWaiting = (name: string) => name.startsWith(prefix) && !inFlight.has(name);

  function settle({ name, body }: Entry, answer: LeadResult | LeadProblem): void {
    finish(name, answer);
    changed = true;
    tell(name, answer, body, onProblem);
  }

  async function sendOne(entry: Entry): Promise<void> {
    if (Date.now() - madeAt(prefix, entry.name) > MAX_AGE_MS) {
      settle(entry, localProblem('expired', 'older than 30 days'));
      return;
    }
    inFlight.add(entry.name);
    renewLease(prefix, owner);
    update({ ...entry, sentAt: Date.now() });
    const { result, retryAfterMs } = await put(url, entry);
    inFlight.delete(entry.name);
    if (isToRetry(result, entry.key !== key)) {
      update({ ...entry, key: result.status === 401 ? key : entry.key, sentAt: 0 });
      pause.begin(result, retryAfterMs);
      changed = true;
      tellQueued(result, isWaiting);
    } else {
      pause.end();
      settle(entry, result);
    }
    finished();
  }

  return {
    isBusy: () => inFlight.size > 0,
    /** Whether entries were removed, or a pause begun, since the last question. */
    hasChanged(): boolean {
      const before = changed;
      changed = false;
      return before;
    },
    /** Gives in how many ms there will be something to do that nothing else announces. */
    sendAll(): number {
      const paused = pause.current();
      if (paused) {
        tellQueued(paused.problem, isWaiting);
        return paused.until - Date.now();
      }
      const { entries, soonestMs } = readyOf(entriesOf(prefix), inFlight);
      for (const entry of entries.slice(0, MAX_IN_FLIGHT - inFlight.size)) void sendOne(entry);
      return soonestMs;
    },
    /** Sends the rest without hearing of it, unless another page does or the gateway said to wait. */
    leave(): void {
      if (!pause.current() && !isElsewhere(prefix, owner))
        sendBeacons(url, readyOf(entriesOf(prefix), inFlight));
    },
  };
}

function sendBeacons(url: string, { entries }: ReturnType<typeof readyOf>): void {
  for (const entry of entries) {
    if (sendBeacon(url, entry)) update({ ...entry, sentAt: Date.now() });
  }
}

/** Whether a lead is kept; the key that took it may have been replaced since. */
function isToRetry(result: Answer['result'], hasOldKey: boolean): result is LeadProblem {
  return result instanceof LeadProblem && (result.status === 401 ? hasOldKey : !isLasting(result));
}

/** The oldest lead of each person, unless it is on its way; and when the next one may go. */
function readyOf(all: readonly Entry[], inFlight: ReadonlySet<string>) {
  const busy = new Set<string>();
  let soonestMs = Infinity;
  const entries = all.filter(({ name, people, sentAt }) => {
    const isFirst = people.every((person) => !busy.has(person));
    for (const person of people) busy.add(person);
    if (!isFirst || inFlight.has(name)) return false;
    const waitMs = sentAt + ARRIVAL_MS - Date.now();
    if (waitMs <= 0 || waitMs > ARRIVAL_MS) return true;
    soonestMs = Math.min(soonestMs, waitMs);
    return false;
  });
  return { entries, soonestMs };
}
