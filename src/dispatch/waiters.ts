import type { CallTiming, UpsertContext, UpsertResult } from '../leads/lead.ts';
import type { Caller, Entry } from './job.ts';

/** Requests for one lead that a call can be traced to. */
const MAX_ORIGINS = 300;

export type CallersOptions = {
  readonly elapsed: () => number;
  /** How long a caller waits at most, in ms. */
  readonly deadlineMs: number;
  /** Somebody is answered. */
  readonly onAnswer: (timing: CallTiming) => void;
  /** A caller has left, or waited long enough, and is to be released. */
  readonly onGone: (entry: Entry, caller: Caller, why: 'left' | 'late') => void;
};

/** Those who wait for leads, from their coming to their answer. */
export type Callers = {
  /** Somebody waits for the lead from now on. */
  join(
    entry: Entry,
    context: UpsertContext,
    resolve: (result: UpsertResult) => void,
    reject: (error: unknown) => void,
  ): void;
  /** Lets a caller go who is answered next. */
  release(entry: Entry, caller: Caller): void;
  /** The same with all who wait for the lead. */
  releaseAll(entry: Entry): readonly Caller[];
};

export function createCallers({ elapsed, deadlineMs, onAnswer, onGone }: CallersOptions): Callers {
  const letGo = (entry: Entry, caller: Caller) => {
    caller.forget();
    const timing = {
      waitMs: Math.max(0, elapsed() - caller.arrivedAt - entry.upstreamMs),
      upstreamMs: entry.upstreamMs,
      attempts: entry.attempts,
      batchSize: entry.batchSize,
    };
    onAnswer(timing);
    caller.report?.(timing);
  };

  return {
    join(entry, context, resolve, reject) {
      const arrivedAt = elapsed();
      const leave = () => onGone(entry, caller, 'left');
      const timer = setTimeout(() => onGone(entry, caller, 'late'), deadlineMs);
      context.signal.addEventListener('abort', leave);
      const caller: Caller = {
        arrivedAt,
        endsAt: arrivedAt + deadlineMs,
        resolve,
        reject,
        report: context.report,
        forget() {
          clearTimeout(timer);
          context.signal.removeEventListener('abort', leave);
        },
      };
      entry.callers.push(caller);
      if (entry.origins.length < MAX_ORIGINS) {
        // Not the context itself: callers who have left must not be kept in memory by it.
        entry.origins.push({ requestId: context.requestId, trace: context.trace });
      }
    },
    release(entry, caller) {
      entry.callers.splice(entry.callers.indexOf(caller), 1);
      letGo(entry, caller);
    },
    releaseAll(entry) {
      const all = entry.callers.splice(0);
      for (const caller of all) letGo(entry, caller);
      return all;
    },
  };
}
