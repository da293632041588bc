import type { Job } from './job.ts';

export type Split = {
  /** Leads the refusal certainly means. */
  readonly guilty: readonly Job[];
  /** The others, in the companies they shall go on in; the order is kept. */
  readonly parts: readonly (readonly Job[])[];
};

/**
 * Splits a batch that was refused for one lead's sake. Where the upstream named attributes it does not know, every lead
 * that has one of them is guilty: sending it again, even alone, would only spend a call. Else the batch is halved, until
 * the poison is alone.
 *
 * @param unknown names of attributes the upstream does not know
 */
export function splitBatch(jobs: readonly Job[], unknown: readonly string[]): Split {
  const isGuilty = ({ command }: Job) => command.attributes.some(({ name }) => unknown.includes(name));
  const guilty = jobs.filter(isGuilty);
  if (guilty.length > 0) return { guilty, parts: [jobs.filter((job) => !isGuilty(job))] };
  const middle = Math.ceil(jobs.length / 2);
  return { guilty, parts: [jobs.slice(0, middle), jobs.slice(middle)] };
}
