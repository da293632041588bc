import type { ProblemFields } from './public.d.ts';
import { LeadProblem } from './problem.ts';
import { read, write } from './storage.ts';

type State = { readonly until: number; readonly problem: LeadProblem };

/** Midnight may be a day away; a pause that is longer comes from a clock that was set back. */
const LONGEST_MS = 25 * 3_600_000;
const LONGEST_GUESS_MS = 300_000;

export type Pause = ReturnType<typeof createPause>;

/** When nothing is sent: what the gateway said counts for all pages, what is a guess of ours only for this one. */
export function createPause(prefix: string) {
  const name = `${prefix}pause`;
  let guess: State | undefined;
  let failures = 0;
  return {
    /** The pause that is on, if there is one. */
    current(): State | undefined {
      const now = Date.now();
      const told = read(name) as { readonly until: number; readonly problem: ProblemFields } | null;
      if (told && told.until > now && told.until <= now + LONGEST_MS) {
        return { until: told.until, problem: new LeadProblem(told.problem) };
      }
      return guess && guess.until > now ? guess : undefined;
    },
    /** @param afterMs what `Retry-After` said; NaN: nothing, then pauses grow to five minutes */
    begin(problem: LeadProblem, afterMs: number): void {
      const now = Date.now();
      const spread = Math.random();
      if (afterMs >= 0) {
        // Not all visitors at the same moment.
        const until = now + Math.min(afterMs + 1000 * spread, LONGEST_MS);
        write(name, { until, problem });
      } else {
        failures += 1;
        const longest = Math.min(1000 * 2 ** failures, LONGEST_GUESS_MS);
        guess = { until: now + (longest * (1 + spread)) / 2, problem };
      }
    },
    /** The gateway has answered; if it has told another request to wait, that counts all the same. */
    end(): void {
      failures = 0;
    },
    /** The network may be back: what was a guess is over. */
    forgetGuess(): void {
      guess = undefined;
    },
  };
}
