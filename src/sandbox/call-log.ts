import type { CallReport, InjectedFault } from '../soap-server/endpoint.ts';

type CallEntry = CallReport & {
  /** Counts up from 1, and goes on when the log is cleared. */
  readonly number: number;
};

export type CallLog = {
  add(call: CallReport): void;
  /** Oldest first. */
  all(): readonly CallEntry[];
  clear(): void;
};

/** Keeps the last calls. The oldest are removed when there are twice as many, so that adding stays cheap. */
export function createCallLog(onChange: () => void, keep = 1000): CallLog {
  let entries: CallEntry[] = [];
  let next = 1;
  return {
    add(call) {
      entries.push({ number: next++, ...call });
      if (entries.length >= keep * 2) entries = entries.slice(-keep);
      onChange();
    },
    all: () => entries.slice(-keep),
    clear() {
      entries = [];
      onChange();
    },
  };
}

/** A queue of faults for the next calls (docs/sandbox.md#fault-injection). */
export type FaultInjection = {
  add(injected: InjectedFault, times: number): void;
  /** What happens to the call that has just arrived; every POST to the endpoint takes one. */
  take(): InjectedFault | undefined;
  waiting(): readonly { readonly injected: InjectedFault; readonly times: number }[];
  clear(): void;
};

export function createFaultInjection(): FaultInjection {
  let queue: { injected: InjectedFault; times: number }[] = [];
  return {
    add(injected, times) {
      queue.push({ injected, times });
    },
    take() {
      const [first] = queue;
      if (!first) return undefined;
      first.times--;
      if (first.times <= 0) queue.shift();
      return first.injected;
    },
    waiting: () => queue.map((item) => ({ ...item })),
    clear() {
      queue = [];
    },
  };
}
