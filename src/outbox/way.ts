import type { GatewayError } from '../leads/errors.ts';
import type { CancelSignal } from '../runtime/cancellation.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import type { Deliverer } from './deliverer.ts';
import type { Heads, OutboxStore } from './store.ts';

type WayDeps = {
  readonly store: Pick<OutboxStore, 'headsAhead'>;
  readonly deliverer: Pick<Deliverer, 'deliverNow'>;
  readonly clock: Clock;
};

const NO_HEADS: Heads = { leads: [], elsewhere: 0 };

/** How often it is looked whether another replica has delivered what it has on its way, in ms. */
const LOOK_EVERY_MS = 100;

/**
 * Delivers the leads that one with these ordering keys has to wait for, oldest first. A lead that has failed for good
 * blocks no other.
 *
 * @returns the problem of the first that cannot go now; undefined if the way is clear
 */
export async function clearTheWay(
  { store, deliverer, clock }: WayDeps,
  keys: readonly string[],
  before: number | null,
  signal: Pick<CancelSignal, 'aborted'>,
): Promise<GatewayError | undefined> {
  while (!signal.aborted) {
    // Direct leads go on while the store is away.
    const { leads, elsewhere } = await store.headsAhead({ orderingKeys: keys, before }).catch(() => NO_HEADS);
    if (leads.length === 0 && elsewhere === 0) return undefined;
    const deliveries = await Promise.all(leads.map((head) => deliverer.deliverNow(head)));
    for (const delivery of deliveries) {
      if (delivery.kind === 'retry' || delivery.kind === 'stopped') return delivery.error;
    }
    if (leads.length === 0) await sleep(clock, LOOK_EVERY_MS);
  }
  return undefined;
}

/** `signal` aborts and `ended` resolves after that time. */
export function createTimeout({ setTimer, clearTimer }: Pick<Clock, 'setTimer' | 'clearTimer'>, ms: number) {
  const signal = { aborted: false };
  let timer: ReturnType<Clock['setTimer']> | undefined;
  const ended = new Promise<undefined>((resolve) => {
    timer = setTimer(() => {
      signal.aborted = true;
      resolve(undefined);
    }, ms);
  });
  return { signal, ended, clear: () => clearTimer(timer) };
}
