/** Tells once that something is not wanted any more. An AbortSignal is one as well. */
export type WithdrawalSignal = {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void): void;
  removeEventListener(type: 'abort', listener: () => void): void;
};

/**
 * What an AbortController does, without the events of the DOM: every request needs two, and Node takes 5 µs for the life
 * of one of its own. There are never more than a few listeners, so a list takes less than a Set.
 */
export function createWithdrawal(): { readonly signal: WithdrawalSignal; withdraw(): void } {
  let aborted = false;
  let listeners: (() => void)[] = [];
  return {
    signal: {
      get aborted() {
        return aborted;
      },
      addEventListener: (_type, listener) => void listeners.push(listener),
      removeEventListener(_type, listener) {
        listeners = listeners.filter((other) => other !== listener);
      },
    },
    withdraw() {
      if (aborted) return;
      aborted = true;
      for (const listener of listeners) listener();
      listeners = [];
    },
  };
}
