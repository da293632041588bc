import type { Lead, LeadClientOptions, LeadResult } from './public.d.ts';
import { LeadProblem } from './problem.ts';
import { isDurable } from './storage.ts';

type Waiter = {
  readonly resolve: (result: LeadResult) => void;
  readonly reject: (problem: LeadProblem) => void;
};

/** Who waits on this page for the answer to an entry, by its name; all clients of the page together. */
const waiters = new Map<string, Waiter>();

export function waitFor(name: string): Promise<LeadResult> {
  return new Promise((resolve, reject) => waiters.set(name, { resolve, reject }));
}

/** Tells who waits for an entry; of a refused lead that no one waits for, `onProblem`. */
export function tell(
  name: string,
  answer: LeadResult | LeadProblem,
  body: string | undefined,
  onProblem: NonNullable<LeadClientOptions['onProblem']>,
): void {
  const waiter = waiters.get(name);
  waiters.delete(name);
  if (!(answer instanceof LeadProblem)) waiter?.resolve(answer);
  else if (waiter) waiter.reject(answer);
  else if (body !== undefined) onProblem(answer, JSON.parse(body) as Lead);
}

/** Tells those who wait that their leads are queued. */
export function tellQueued(problem: LeadProblem, isAffected: (name: string) => boolean): void {
  for (const [name, { resolve }] of waiters) {
    if (!isAffected(name)) continue;
    waiters.delete(name);
    resolve({ status: 'QUEUED', problem, durable: isDurable(name) });
  }
}
