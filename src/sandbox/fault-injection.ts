import type { FaultCode } from '../soap-server/answer.ts';

/** What shall happen to one call instead of, or beside, its being answered well. */
export type InjectedFault = {
  /** Answered instead of the call being done. `status` is 500 unless given: some proxies turn it into 200. */
  readonly fault?: { readonly code: FaultCode; readonly message?: string; readonly status?: number };
  /** Answered instead of the call being done. */
  readonly garbage?: {
    readonly status: number;
    readonly contentType: string;
    readonly body: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
  /**
   * The connection breaks: `on-arrival` before the call is read or done; `before-headers` after it was done and
   * before anything is answered; `mid-body` after half of the answer.
   */
  readonly reset?: ResetMoment;
  /** Milliseconds the answer is held back after the call was done: a client that gives up finds the lead written. */
  readonly delayMs?: number;
};

export const RESET_MOMENTS = ['on-arrival', 'before-headers', 'mid-body'] as const;
export type ResetMoment = (typeof RESET_MOMENTS)[number];

export type FaultInjection = {
  add(injected: InjectedFault, times: number): void;
  /** What the call that has just arrived gets; every POST to the endpoint takes one. */
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
