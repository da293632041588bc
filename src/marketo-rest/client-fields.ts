import type { FieldList } from '../leads/fields.ts';
import type { UpsertLead } from '../leads/lead.ts';
import type { Clock } from '../runtime/clock.ts';
import type { UpstreamFields } from '../upstream/fields.ts';
import { checkLead } from './check-lead.ts';
import type { Facts } from './client-facts.ts';
import { readFactBy } from './client-read.ts';
import type { Send } from './client-send.ts';
import type { FieldMap } from './fields.ts';
import { leadFields } from './lead-fields.ts';
import { type PlanSettings, startPlan } from './plan.ts';
import type { Fact } from './step.ts';

type RestFieldsOptions = {
  readonly send: Send;
  /** Those that leads are planned with: what they have read is not read again. */
  readonly facts: Facts;
  readonly settings: PlanSettings;
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
};

/** What the REST API says of the fields of leads, by the same calls that leads need (docs/marketo-rest.md#describe). */
export function createRestFields({ send, facts, settings, clock }: RestFieldsOptions): UpstreamFields {
  let last: { readonly map: FieldMap; readonly list: FieldList } | undefined;
  const listOf = (map: FieldMap, readMs: number): FieldList => {
    if (last?.map !== map) {
      const asOf = Math.round(clock.now() - (clock.monotonicMs() - readMs));
      last = { map, list: { fields: leadFields(map), asOf } };
    }
    return last.list;
  };

  return {
    known() {
      const { fields, fieldsReadMs } = facts.known();
      return fields && listOf(fields, fieldsReadMs);
    },
    missing: (command) => missingFact(facts, settings, command),
    read(fact, context) {
      const { fields, fieldsReadMs } = facts.known();
      const staleMs = fact === 'describe' && fields !== undefined ? fieldsReadMs : undefined;
      return facts.need(fact as Fact, staleMs, (needed) => readFactBy(send, needed, context));
    },
    check: (command) => checkLead(command, facts.known(), settings),
    operationOf: () => 'describeLeads',
  };
}

function missingFact(facts: Facts, settings: PlanSettings, command?: UpsertLead): Fact | undefined {
  const known = facts.known();
  if (command === undefined) return known.fields === undefined ? 'describe' : undefined;
  const step = startPlan(command, known, settings);
  if ('error' in step) return undefined;
  if (step.kind === 'fact') return step.fact;
  return step.plan.partition !== undefined && known.partitions === undefined ? 'partitions' : undefined;
}
