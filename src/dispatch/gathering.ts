import type { Gathering, UpsertContext } from '../leads/lead.ts';
import type { Failure } from '../upstream/outcome.ts';
import type { Step } from '../upstream/step.ts';

/** Leads that come at once go together, also where calls could be made at once. */
export type GatheredLeads = {
  /** A lead has come and more are to follow. */
  add(gathering: Gathering): void;
  /** All that could go have gone. */
  gone(): void;
  /** Whether some have come in this turn of the event loop or the last, and none has said that they are all there. */
  isComing(): boolean;
};

/** How long the first of them waits for the others, should no one say that they are there. */
const LONGEST_MS = 200;

/**
 * @param full leads that fill a call
 * @param pump makes every call that may be made now
 */
export function createGatheredLeads(
  full: number,
  pump: () => void,
  pumpIn: (ms: number) => void,
): GatheredLeads {
  let count = 0;
  let turns = 0;
  let isWatched = false;
  const watch = () => {
    turns -= 1;
    isWatched = turns > 0;
    if (isWatched) setImmediate(watch);
  };
  const done = () => {
    turns = 0;
    pump();
  };
  return {
    isComing: () => turns > 0,
    add(gathering) {
      count += 1;
      gathering.done = done;
      turns = 2;
      if (!isWatched) {
        isWatched = true;
        setImmediate(watch);
      }
      if (count >= full) pump();
      else pumpIn(LONGEST_MS);
    },
    gone() {
      count = 0;
    },
  };
}

/** With a group of its own name, if the lead is to be kept out of calls with others. */
export function setApart<First extends Step | Failure>(step: First, { apart }: UpsertContext): First {
  if (apart === undefined || !('group' in step) || step.group === null) return step;
  return { ...step, group: `${step.group} ${apart}` };
}
