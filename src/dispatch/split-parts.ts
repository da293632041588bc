import type { Job } from './job.ts';

/** The parts of batches that were split, each of which goes in a call of its own. */
export type SplitParts = {
  add(jobs: readonly Job[]): void;
  next(): readonly Job[] | undefined;
  /** Takes a job out. */
  remove(job: Job): void;
  /** Whether these jobs were a part when `next` gave them. */
  hasGiven(jobs: readonly Job[]): boolean;
  /** How many parts there are. */
  count(): number;
  isEmpty(): boolean;
};

export function createSplitParts(): SplitParts {
  const parts: (readonly Job[])[] = [];
  const members = new Set<Job>();
  const given = new WeakSet<readonly Job[]>();
  return {
    count: () => parts.length,
    isEmpty: () => members.size === 0,
    add(jobs) {
      parts.push(jobs);
      for (const job of jobs) {
        job.state = 'ready';
        members.add(job);
      }
    },
    remove: (job) => void members.delete(job),
    hasGiven: (jobs) => given.has(jobs),
    next() {
      for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
        const wanted = part.filter((job) => members.delete(job));
        given.add(wanted);
        if (wanted.length > 0) return wanted;
      }
      return undefined;
    },
  };
}
