import type { Clock } from '../../runtime/clock.ts';
import { StoreFailure } from '../store.ts';

/** Runs what a server may never answer. */
export type Circuit = <Value>(work: () => Promise<Value>) => Promise<Value>;

export type CircuitOptions = {
  readonly clock: Pick<Clock, 'setTimer' | 'clearTimer'>;
  /** How long work may take before it is given up, in ms; undefined: as long as it takes. */
  readonly longestMs?: number;
  /** Whether work has failed because the server did not answer. */
  readonly isSilence: (error: unknown) => boolean;
};

/**
 * Once the server has not answered, one at a time finds out whether it does again, and the others fail at once with
 * StoreFailure (a circuit breaker, Nygard, Release It!).
 */
export function createCircuit({ clock, longestMs, isSilence }: CircuitOptions): Circuit {
  let isOpen = false;
  let running = 0;

  const watched = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    running += 1;
    try {
      const value = await work();
      isOpen = false;
      return value;
    } catch (error) {
      isOpen ||= isSilence(error);
      throw error;
    } finally {
      running -= 1;
    }
  };

  return async (work) => {
    if (isOpen && running > 0) throw new StoreFailure('the database has not answered');
    const answered = watched(work);
    if (longestMs === undefined) return answered;
    let timer: ReturnType<Clock['setTimer']> | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = clock.setTimer(() => {
        isOpen = true;
        reject(new StoreFailure('the database has not answered in time'));
      }, longestMs);
    });
    try {
      return await Promise.race([answered, late]);
    } finally {
      clock.clearTimer(timer);
    }
  };
}
