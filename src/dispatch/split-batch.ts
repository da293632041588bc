import type { Entry } from './entry.ts';

/**
 * Splits a batch that was refused for one record's sake, so that the poison ends up alone: by the attributes the
 * upstream names where that tells some from the others, else in halves. Keeps the order.
 *
 * @param unknown names of attributes the upstream does not know
 */
export function splitBatch(
  entries: readonly Entry[],
  unknown: readonly string[],
): readonly (readonly Entry[])[] {
  const isSuspect = ({ command }: Entry) => command.attributes.some(({ name }) => unknown.includes(name));
  const suspects = unknown.length === 0 ? [] : entries.filter(isSuspect);
  if (suspects.length > 0 && suspects.length < entries.length) {
    return [suspects, entries.filter((entry) => !isSuspect(entry))];
  }
  const middle = Math.ceil(entries.length / 2);
  return [entries.slice(0, middle), entries.slice(middle)];
}
