import type { Caller, Job } from './job.ts';

/** Leads of one caller that may wait for one person, since they go one after the other. */
const MAX_PER_PERSON = 200;
/** However long calls take, these may. */
const MIN_PER_PERSON = 10;

/**
 * Whether one caller's leads for one person take half the time that any lead for that person has.
 *
 * @param ahead the jobs that a lead for the person has to wait for
 */
export function isPersonFull(
  caller: Caller,
  ahead: readonly Job[],
  deadlineMs: number,
  usualCallMs: number,
): boolean {
  if (ahead.length < MIN_PER_PERSON) return false;
  const { id } = topOf(caller);
  const own = ahead.filter(({ callers: [first] }) => first !== undefined && topOf(first).id === id).length;
  const most = Math.max(MIN_PER_PERSON, deadlineMs / 2 / Math.max(1, usualCallMs));
  return own >= Math.min(MAX_PER_PERSON, most);
}

function topOf(caller: Caller): Caller {
  return caller.parent ?? caller;
}
