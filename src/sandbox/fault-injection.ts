import type { InjectedFault } from '../soap-server/endpoint.ts';

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
