import type { Clock } from '../runtime/clock.ts';
import { FIELDS_AGAIN_MS, FIELDS_KEPT_MS } from '../upstream/fields.ts';
import type { Failure } from '../upstream/outcome.ts';
import { notWritten, unreadable } from './failures.ts';
import {
  createFieldMap,
  type FieldMap,
  type NameSettings,
  readDescribe,
  readPartitions,
  readSearchableFields,
} from './fields.ts';
import type { Known } from './plan.ts';
import type { Fact } from './step.ts';

/** Asks for one fact; returns the result of the answer, or why it could not be read. */
type ReadFact = (fact: Fact) => Promise<readonly unknown[] | Failure>;

/** What is known of the subscription: read when a lead needs it, by one call for all (docs/marketo-rest.md#describe). */
export type Facts = {
  known(): Known;
  /**
   * Makes sure that a fact is known. `isSent` is false if no call was made for it.
   *
   * @param staleMs a fact that was read at this time is too old
   */
  need(
    fact: Fact,
    staleMs: number | undefined,
    read: ReadFact,
  ): Promise<{ readonly isSent: boolean; readonly failure: Failure | undefined }>;
};

type Kept<Value> = { readonly value: Value; readonly readMs: number };

type KeptFacts = {
  describe?: Kept<FieldMap>;
  describe2?: Kept<ReadonlySet<string>>;
  partitions?: Kept<ReadonlyMap<string, number>>;
};

export function createFacts(settings: NameSettings, { monotonicMs }: Pick<Clock, 'monotonicMs'>): Facts {
  const kept: KeptFacts = {};
  const reading = new Map<Fact, Promise<Failure | undefined>>();

  const valueOf = <Value>(fact: Kept<Value> | undefined): Value | undefined =>
    fact !== undefined && monotonicMs() - fact.readMs < FIELDS_KEPT_MS ? fact.value : undefined;

  const load = async (fact: Fact, read: ReadFact): Promise<Failure | undefined> => {
    const result = await read(fact);
    if ('kind' in result) return result;
    const isKept = keep(kept, fact, result, settings, monotonicMs());
    const complaint = `to ${fact}.json has nothing in it that the gateway can use`;
    return isKept ? undefined : notWritten(unreadable(complaint));
  };

  return {
    known() {
      const { describe } = kept;
      return {
        fields: valueOf(describe),
        fieldsReadMs: describe?.readMs ?? Number.NEGATIVE_INFINITY,
        mayReadAgain: describe === undefined || monotonicMs() - describe.readMs >= FIELDS_AGAIN_MS,
        searchable: valueOf(kept.describe2),
        partitions: valueOf(kept.partitions),
      };
    },
    async need(fact, staleMs, read) {
      const now = kept[fact];
      if (valueOf<unknown>(now) !== undefined && now?.readMs !== staleMs) {
        return { isSent: false, failure: undefined };
      }
      const running = reading.get(fact);
      const loading = running ?? load(fact, read).finally(() => reading.delete(fact));
      reading.set(fact, loading);
      return { isSent: running === undefined, failure: await loading };
    },
  };
}

function keep(
  kept: KeptFacts,
  fact: Fact,
  result: readonly unknown[],
  settings: NameSettings,
  readMs: number,
): boolean {
  switch (fact) {
    case 'describe': {
      const fields = readDescribe(result);
      if (fields !== undefined) kept.describe = { value: createFieldMap(fields, settings), readMs };
      return fields !== undefined;
    }
    case 'describe2': {
      const searchable = readSearchableFields(result);
      if (searchable !== undefined) kept.describe2 = { value: searchable, readMs };
      return searchable !== undefined;
    }
    case 'partitions':
      kept.partitions = { value: readPartitions(result), readMs };
      return true;
  }
}
