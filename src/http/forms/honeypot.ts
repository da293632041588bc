import type { LeadDirectory } from '../../leads/lead.ts';
import type { LeadOutbox } from '../../leads/outbox.ts';
import type { Clock } from '../../runtime/clock.ts';
import { isObject } from '../problems/problem.ts';

/**
 * Removes the field that people leave empty from a body, so that it is not read as part of the lead.
 *
 * @param body is changed
 * @returns whether it was filled in
 */
export function takeHoneypot(body: unknown, name: string): boolean {
  if (!isObject(body)) return false;
  // A form has it among the attributes.
  const places = [body, body['attributes']].filter(isObject).filter((place) => Object.hasOwn(place, name));
  const values = [...places.map((place) => place[name]), ...takeFromList(body, name)];
  for (const place of places) delete place[name];
  return values.some((value) => value !== '' && value !== null);
}

/** The same for attributes that are a list. */
function takeFromList(body: Record<string, unknown>, name: string): readonly unknown[] {
  const list = body['attributeList'];
  if (!Array.isArray(list)) return [];
  const isMeant = (entry: unknown): entry is Record<string, unknown> =>
    isObject(entry) && entry['name'] === name;
  const meant = list.filter(isMeant);
  if (meant.length > 0) body['attributeList'] = list.filter((entry) => !isMeant(entry));
  return meant.map(({ value }) => value);
}

export type Trap = {
  /** Stands in for the one that writes leads. */
  readonly directory: LeadDirectory;
  /** Notes how long it takes to keep a lead. */
  watch(outbox: LeadOutbox): LeadOutbox;
  /** Stands in for the one that keeps leads. */
  standIn(outbox: LeadOutbox): LeadOutbox;
};

/**
 * Stores nothing and answers as if it did, after the same time: where the outbox answers, as long as it last took for a
 * lead; elsewhere publishable keys are answered at the end of a step anyway.
 */
export function createTrap(clock: Pick<Clock, 'monotonicMs' | 'setTimer'>): Trap {
  let lastMs = 0;
  const directory: LeadDirectory = { upsert: async () => ({ leadId: 1, status: 'UPDATED' }) };
  return {
    directory,
    watch: (outbox) => ({
      ...outbox,
      async accept(command, request) {
        const startedMs = clock.monotonicMs();
        const lead = await outbox.accept(command, request);
        lastMs = clock.monotonicMs() - startedMs;
        return lead;
      },
    }),
    standIn: (outbox) => ({
      ...outbox,
      upsertOrAccept: directory.upsert,
      accept: () =>
        new Promise((resolve) => {
          clock.setTimer(() => resolve({ id: '', answerWithin: async () => undefined }), lastMs);
        }),
    }),
  };
}
