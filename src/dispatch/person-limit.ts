import type { Caller, Job } from './job.ts';

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

export function topOf(caller: Caller): Caller {
  return caller.parent ?? caller;
}
