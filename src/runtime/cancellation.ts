import { appended } from './appended.ts';

/** Tells once that no one waits any longer; an AbortSignal is one, too. */
export type CancelSignal = {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
};

/** What tells, and its signal in one. */
export type Cancellation = CancelSignal & { cancel(): void };

/** Of work that is not cancelled, as others may wait for it. */
export const NEVER: CancelSignal = { aborted: false, addEventListener() {}, removeEventListener() {} };

/** A class: every lead has some, and functions of its own would take ten times the memory. */
class OwnCancellation implements Cancellation {
  // A plain member: a getter would cost more than all the rest of it.
  aborted = false;
  #listeners: (() => void)[] = [];

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners = appended(this.#listeners, listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener);
  }

  cancel(): void {
    if (this.aborted) return;
    this.aborted = true;
    for (const listener of this.#listeners) listener();
    this.#listeners = [];
  }
}

/** An AbortController without the events of the DOM: hot path, see docs/performance.md#the-hot-path. */
export function createCancellation(): Cancellation {
  return new OwnCancellation();
}

/** The same for a signal that thousands wait for at a time: each of them can leave without a look at the others. */
export function createSharedCancellation(): Cancellation {
  const listeners = new Set<() => void>();
  const cancellation = {
    aborted: false,
    addEventListener: (_type: 'abort', listener: () => void) => void listeners.add(listener),
    removeEventListener: (_type: 'abort', listener: () => void) => void listeners.delete(listener),
    cancel() {
      if (cancellation.aborted) return;
      cancellation.aborted = true;
      for (const listener of listeners) listener();
      listeners.clear();
    },
  };
  return cancellation;
}
