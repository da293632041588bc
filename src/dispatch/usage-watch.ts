import type { Clock } from '../runtime/clock.ts';
import { quotaVerdict } from '../upstream/outcome.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Quota } from './quota.ts';

/** How often the upstream is asked for the calls of the day, in ms. */
const INTERVAL_MS = 15 * 60_000;
/** How soon it is asked again while the budgets have no room for the question, in ms. */
const NO_ROOM_MS = 5000;

type UsageWatchOptions = {
  readonly upstream: Pick<Upstream, 'callsToday'>;
  readonly quota: Pick<Quota, 'admission' | 'reserve' | 'learnTotal'>;
  readonly clock: Pick<Clock, 'setTimer' | 'clearTimer'>;
  /** A call has ended: there may be room for leads. */
  readonly wake: () => void;
};

/**
 * Asks at once and every 15 minutes how many calls everybody has made today, by a call that is booked like any other
 * (docs/dispatching.md#daily-quota). Returns a function that stops it.
 */
export function watchUsage({ upstream, quota, clock, wake }: UsageWatchOptions): () => void {
  let isOver = false;
  let timer: ReturnType<Clock['setTimer']> | undefined;
  const again = (ms: number) => {
    if (!isOver) timer = clock.setTimer(() => void ask(), ms);
  };
  const ask = async () => {
    if (quota.admission().kind !== 'go') {
      again(NO_ROOM_MS);
      return;
    }
    const end = quota.reserve();
    const answer = await upstream.callsToday?.();
    if (typeof answer === 'number') {
      end('counted');
      quota.learnTotal(answer);
    } else if (answer !== undefined) end(quotaVerdict(answer), undefined, answer.budgets);
    again(INTERVAL_MS);
    wake();
  };
  if (upstream.callsToday !== undefined) void ask();
  return () => {
    isOver = true;
    clock.clearTimer(timer);
  };
}
