import type { Clock } from '../runtime/clock.ts';
import { topOf } from './callers.ts';
import type { DayPace } from './day-pace.ts';
import type { Caller, Job } from './job.ts';
import type { Jobs } from './jobs.ts';
import type { SchedulerState } from './scheduler.ts';

/** Leads of one caller that may wait for one person, since they go one after the other. */
const MAX_PER_PERSON = 200;

/**
 * Whether one caller's leads for one person are as many as may wait.
 *
 * @param ahead the jobs that a lead for the person has to wait for
 */
export function isPersonFull(caller: Caller, ahead: readonly Job[]): boolean {
  if (ahead.length < MAX_PER_PERSON) return false;
  const { id } = topOf(caller);
  const own = ahead.filter(({ callers: [first] }) => first !== undefined && topOf(first).id === id).length;
  return own >= MAX_PER_PERSON;
}

/** What is known when leads for one person wait for each other. */
type Schedule = {
  readonly dayPace: Pick<DayPace, 'gatherUntil' | 'mayGo'>;
  readonly jobs: Pick<Jobs, 'sendAlone'>;
  readonly state: Pick<SchedulerState, 'longestGatherMs'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
};

/** Divides the time that a new lead may wait among those for the person that go before it, and itself. */
export function divideTime(ahead: readonly Job[], last: Job, schedule: Schedule): void {
  const nowMs = schedule.clock.monotonicMs();
  const eachMs = schedule.state.longestGatherMs() / (ahead.length + 1);
  for (const [index, job] of [...ahead, last].entries()) {
    job.startBy = Math.min(job.startBy, nowMs + (index + 1) * eachMs);
  }
  for (const job of ahead) if (job.isQueued) hasten(job, schedule);
}

/**
 * Lets a lead that is ready go alone, as one that can only do that, if those behind it would be too late once it has
 * waited for others as long as the day demands.
 */
export function hasten(job: Job, { dayPace, jobs, clock }: Schedule): void {
  if (job.startBy === Number.POSITIVE_INFINITY || job.group === null) return;
  const nowMs = clock.monotonicMs();
  const untilMs = dayPace.gatherUntil(nowMs);
  if (untilMs > nowMs && untilMs > job.startBy && dayPace.mayGo('single')) jobs.sendAlone(job);
}
