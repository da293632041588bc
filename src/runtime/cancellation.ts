/** Tells once that no one waits any longer; an AbortSignal is one, too. */
export type CancelSignal = {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
};

/** Of work that is not cancelled, as others may wait for it. */
export const NEVER: CancelSignal = { aborted: false, addEventListener() {}, removeEventListener() {} };

/** An AbortController without the events of the DOM: hot path, see docs/performance.md#the-hot-path. */
export function createCancellation(): { readonly signal: CancelSignal; cancel(): void } {
  let listeners: (() => void)[] = [];
  // A plain member: a getter would cost more than all the rest of it.
  const signal = {
    aborted: false,
    addEventListener: (_type: 'abort', listener: () => void) => void listeners.push(listener),
    removeEventListener(_type: 'abort', listener: () => void) {
      listeners = listeners.filter((other) => other !== listener);
    },
  };
  return {
    signal,
    cancel() {
      if (signal.aborted) return;
      signal.aborted = true;
      for (const listener of listeners) listener();
      listeners = [];
    },
  };
}

/** The same for a signal that thousands wait for at a time: each of them can leave without a look at the others. */
export function createSharedCancellation(): { readonly signal: CancelSignal; cancel(): void } {
  const listeners = new Set<() => void>();
  const signal = {
    aborted: false,
    addEventListener: (_type: 'abort', listener: () => void) => void listeners.add(listener),
    removeEventListener: (_type: 'abort', listener: () => void) => void listeners.delete(listener),
  };
  return {
    signal,
    cancel() {
      if (signal.aborted) return;
      signal.aborted = true;
      for (const listener of listeners) listener();
      listeners.clear();
    },
  };
}
