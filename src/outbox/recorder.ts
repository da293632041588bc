import { type Clock, sleep } from '../runtime/clock.ts';
import type { OutboxStore, Settlement } from './store.ts';

/** How long after a failure of the store a settlement or a claim is tried again, in ms. */
export const STORE_RETRY_MS = 1000;

type Unrecorded = { readonly settlement: Settlement; readonly resolve: () => void };

/** Records settlements, those that come while it waits for the store together; tries again until the store does it. */
export function createRecorder({
  store,
  clock,
}: {
  readonly store: Pick<OutboxStore, 'settle'>;
  readonly clock: Clock;
}) {
  let waiting: Unrecorded[] = [];
  let isWriting = false;
  let isEnding = false;

  async function write(): Promise<void> {
    isWriting = true;
    // What ends together is recorded together.
    await Promise.resolve();
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      try {
        await store.settle(group.map(({ settlement }) => settlement));
      } catch {
        if (!isEnding) {
          waiting = [...group, ...waiting];
          await sleep(clock, STORE_RETRY_MS);
          continue;
        }
        // Another attempt after the next start does no harm.
      }
      for (const { resolve } of group) resolve();
    }
    isWriting = false;
  }

  const record = (settlement: Settlement): Promise<void> =>
    new Promise((resolve) => {
      waiting.push({ settlement, resolve });
      if (!isWriting) void write();
    });
  return {
    record,
    /** From now on a failure of the store is the end of it. */
    hurry() {
      isEnding = true;
    },
  };
}
