/** Tells once that something is not wanted any more. An AbortSignal is one as well. */
export type CancelSignal = {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
};

/**
 * What an AbortController does, without the events of the DOM: every request needs two, and Node takes 5 µs for the life
 * of one of its own. There are never more than a few listeners, so a list takes less than a Set.
 */
export function createCancellation(): { readonly signal: CancelSignal; cancel(): void } {
  let listeners: (() => void)[] = [];
  // No getter: V8 takes longer to make one for every object than for all the rest of it.
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
