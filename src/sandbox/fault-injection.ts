import type { InjectedFault } from '../soap-server/endpoint.ts';
import type { RestFault } from './rest/fault.ts';

/** What happens to a call of either face; `fault` is for SOAP alone. */
export type QueuedFault = InjectedFault & RestFault;

/** A queue of faults for the next calls (docs/sandbox.md#fault-injection). */
export type FaultInjection = {
  add(injected: QueuedFault, times: number): void;
  /** What happens to the SOAP call that has just arrived: the first in the queue that is not for REST alone. */
  takeForSoap(): InjectedFault | undefined;
  /** The same for a REST call. A request for a token takes only what names its operation. */
  takeForRest(operation: string): RestFault | undefined;
  waiting(): readonly { readonly injected: QueuedFault; readonly times: number }[];
  clear(): void;
};

export function createFaultInjection(): FaultInjection {
  let queue: { injected: QueuedFault; times: number }[] = [];

  function take(applies: (injected: QueuedFault) => boolean): QueuedFault | undefined {
    const first = queue.find(({ injected }) => applies(injected));
    if (!first) return undefined;
    first.times--;
    if (first.times <= 0) queue = queue.filter((item) => item !== first);
    return first.injected;
  }

  return {
    add(injected, times) {
      queue.push({ injected, times });
    },
    takeForSoap: () => take((injected) => !isForRest(injected)),
    takeForRest: (operation) =>
      take(
        ({ fault, operation: wanted }) =>
          fault === undefined && (wanted === undefined ? operation !== 'identity' : wanted === operation),
      ),
    waiting: () => queue.map((item) => ({ ...item })),
    clear() {
      queue = [];
    },
  };
}

function isForRest({ operation, error, reasons, results, truncate, done, processingMs }: RestFault): boolean {
  return [operation, error, reasons, results, truncate, done, processingMs].some(
    (member) => member !== undefined,
  );
}
