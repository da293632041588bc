import type { Entry } from './job.ts';

export type Split = {
  /** Leads the refusal certainly means. */
  readonly guilty: readonly Entry[];
  /** The others, in the companies they shall go on in; the order is kept. */
  readonly parts: readonly (readonly Entry[])[];
};

/**
 * Splits a batch that was refused for one lead's sake. Where the upstream named attributes it does not know, every lead
 * that has one of them is guilty: sending it again, even alone, would only spend a call. Else the batch is halved, until
 * the poison is alone.
 *
 * @param unknown names of attributes the upstream does not know
 */
export function splitBatch(entries: readonly Entry[], unknown: readonly string[]): Split {
  const isGuilty = ({ command }: Entry) => command.attributes.some(({ name }) => unknown.includes(name));
  const guilty = entries.filter(isGuilty);
  if (guilty.length > 0) return { guilty, parts: [entries.filter((entry) => !isGuilty(entry))] };
  const middle = Math.ceil(entries.length / 2);
  return { guilty, parts: [entries.slice(0, middle), entries.slice(middle)] };
}
