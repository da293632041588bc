import type { Clock } from '../runtime/clock.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { createCallerShares } from './caller-shares.ts';
import { createCallers } from './callers.ts';
import type { Flow, Job } from './job.ts';
import { createJobs } from './jobs.ts';
import type { CallPermits } from './permits.ts';
import type { Quota } from './quota.ts';
import { createReadyQueue } from './ready-queue.ts';
import { createPlace } from './turns.ts';
import { createTwoClassQueue } from './two-class-queue.ts';

type QueuesOptions = {
  readonly upstream: Pick<Upstream, 'maxBatch' | 'maxBatchSize'>;
  readonly quota: Quota;
  readonly permits?: CallPermits | undefined;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly maxQueued: number;
  readonly maxBatch: number;
};

/** The jobs, their callers and the queues that they wait in. */
export function createQueues(
  { upstream, quota, permits, clock, maxQueued, maxBatch }: QueuesOptions,
  onNext: (job: Job) => void,
) {
  const [root, backgroundRoot] = [createPlace<Flow>(), createPlace<Flow>()];
  const callers = createCallers(root, backgroundRoot, maxQueued);
  const bounds = { maxBatch: Math.min(maxBatch, upstream.maxBatch), maxBatchSize: upstream.maxBatchSize };
  const readyQueue = createTwoClassQueue(
    createReadyQueue({ root, ...bounds }),
    createReadyQueue({ root: backgroundRoot, ...bounds }),
    callers.background,
  );
  const callerShares = createCallerShares({
    quota,
    monotonicMs: clock.monotonicMs,
    peerLoad: permits?.peerLoad,
  });
  return { callers, callerShares, readyQueue, jobs: createJobs(readyQueue, callers, onNext) };
}
