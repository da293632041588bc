import { localProblem } from './problem.ts';
import { namesFrom, read, remove, write } from './storage.ts';

/** A lead that has no answer yet. */
export type Entry = {
  /** Its name in the storage; sorts by time, and ends with the page that made it. */
  readonly name: string;
  /** The JSON that is sent, the same each time. */
  readonly body: string;
  readonly key: string | undefined;
  /** What identifies the person: leads that share one of these are sent one after the other. */
  readonly people: readonly string[];
  /** When it was last sent without an answer yet, in ms; 0: it is not on its way. */
  readonly sentAt: number;
};

/** A name that no other page has. */
export const newOwner = (): string => Math.random().toString(36).slice(2);
const PAGE = newOwner();

/** The version is part of the name: another one may store leads otherwise. */
export const prefixFor = (url: string): string => `lead-gateway:1:${url}:`;

/** The leads that wait, oldest first. Each is an item of its own, so that pages that write at once lose nothing. */
export function entriesOf(prefix: string): Entry[] {
  return namesFrom(prefix + LEAD).flatMap((name) => {
    const stored = read(name) as Omit<Entry, 'name'> | null;
    return stored?.body === undefined ? [] : [{ ...stored, name }];
  });
}

const LEAD = 'lead:';

/** When an entry was made, in ms. */
export const madeAt = (prefix: string, name: string): number =>
  Number.parseInt(name.slice(prefix.length + LEAD.length), 36);

/** Stores a lead behind all others; throws a LeadProblem when there are too many. */
export function append(
  prefix: string,
  entry: Pick<Entry, 'body' | 'key' | 'people'>,
  maxQueued: number,
): string {
  const names = namesFrom(prefix + LEAD);
  if (names.length >= maxQueued) throw localProblem('queue-full', 'too many leads are waiting');
  // Later than the last one even if the clock was set back.
  const last = madeAt(prefix, names.at(-1) ?? `${prefix}${LEAD}0`);
  const name = `${prefix}${LEAD}${Math.max(Date.now(), last + 1).toString(36)}-${PAGE}`;
  write(name, { ...entry, sentAt: 0 });
  return name;
}

/** Changes an entry, unless it has been answered meanwhile. */
export function update({ name, ...entry }: Entry): void {
  if (read(name) !== null) write(name, entry);
}

/** Removes an entry; a page that waits for its answer elsewhere gets it with the storage event. */
export function finish(name: string, answer: object): void {
  if (!name.endsWith(PAGE)) write(name, { answer });
  remove(name);
}
