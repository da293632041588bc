import type { FindLeads, LookupKey } from '../leads/lookup.ts';
import { unknownFieldsProblem } from '../leads/unknown-attributes.ts';
import { memberPointer } from '../text/json.ts';
import type { Failure, RecordOutcome } from '../upstream/outcome.ts';
import { refusal } from './failures.ts';
import type { Field, FieldMap } from './fields.ts';
import { toLeadRecord } from './lead-record.ts';
import type { Known, PlanSettings } from './plan.ts';
import { foreignIdField, foreignIdValue } from './record.ts';
import type { Fact, FoundLead, LookupFactStep, LookupStep } from './step.ts';

/** The first call of a lookup, or why Marketo cannot be asked (docs/marketo-rest.md#lookups). */
export function startLookup(
  lookup: FindLeads,
  known: Known,
  settings: PlanSettings,
): LookupStep | LookupFactStep | Failure {
  const { find } = lookup;
  const { fields, searchable } = known;
  const fieldName =
    find.by === 'foreignSysPersonId'
      ? foreignIdField({ id: find.value, type: find.type }, settings.foreignIds)
      : undefined;
  if (typeof fieldName === 'object') return fieldName;
  if (find.value.includes(',')) return cannotBeAskedFor(find.by);
  // Fields of an answer have names that Describe knows.
  if (fields === undefined) return factStep(lookup, 'describe');
  let filterType: string;
  if (fieldName === undefined) {
    filterType = FILTER_TYPES[find.by as keyof typeof FILTER_TYPES];
  } else {
    if (searchable === undefined) return factStep(lookup, 'describe2');
    const foreign = foreignIdValue(find.value, fields.field(fieldName), searchable);
    if ('kind' in foreign) return foreign;
    filterType = foreign.field.restName;
  }
  const returned = returnedFields(lookup, fields);
  if ('unknown' in returned) {
    return known.mayReadAgain
      ? factStep(lookup, 'describe', known.fieldsReadMs)
      : unknownFields(returned.unknown);
  }
  return lookupStep(lookup, filterType, returned, fields, settings);
}

const FILTER_TYPES = {
  id: 'id',
  email: 'email',
  marketoCookie: 'cookies',
  sfdcAccountId: 'sfdcAccountId',
  sfdcLeadOwnerId: 'sfdcLeadOwnerId',
  sfdcOpptyId: 'sfdcOpptyId',
} as const satisfies Record<Exclude<LookupKey['by'], 'foreignSysPersonId'>, string>;

/** The fields that become attributes, or the names that no field has. */
function returnedFields(
  { fields: names }: FindLeads,
  map: FieldMap,
): readonly Field[] | { readonly unknown: readonly string[] } {
  if (names === undefined) return map.returned;
  const resolved = names.map((name) => [name, map.attribute(name)] as const);
  const unknown = resolved.flatMap(([name, field]) => (field === undefined ? [name] : []));
  if (unknown.length > 0) return { unknown };
  return [...new Set(resolved.flatMap(([, field]) => field ?? []))];
}

function lookupStep(
  lookup: FindLeads,
  filterType: string,
  returned: readonly Field[],
  map: FieldMap,
  { foreignIds }: PlanSettings,
): LookupStep {
  const fields =
    lookup.fields === undefined
      ? withField(map.readBackFields, filterType)
      : [
          ...new Set([
            'id',
            'email',
            filterType,
            ...foreignIdNames(foreignIds, map),
            ...returned.map(({ restName }) => restName),
          ]),
        ].join(',');
  const { value } = lookup.find;
  return {
    kind: 'lookup',
    group: `find ${filterType} ${fields}`,
    // The answer is what is large, and it grows with the fields.
    size: Math.max(value.length, 2 * fields.length),
    note: undefined,
    filterType,
    value,
    fields,
    returned,
    lookup,
    page: undefined,
    sentAs: undefined,
  };
}

/** The field that tells whose a lead of the answer is. */
function withField(fields: string, name: string): string {
  return fields.split(',').includes(name) ? fields : `${fields},${name}`;
}

function foreignIdNames(foreignIds: PlanSettings['foreignIds'], map: FieldMap): readonly string[] {
  return Object.values(foreignIds)
    .flatMap((mapped) => (typeof mapped === 'string' ? [mapped] : [mapped.lead, mapped.contact]))
    .filter((name) => map.field(name) !== undefined);
}

function factStep(lookup: FindLeads, fact: Fact, staleMs?: number): LookupFactStep {
  return { kind: 'lookup-fact', group: fact, size: 0, note: undefined, lookup, fact, staleMs };
}

/**
 * After a find has answered for one value.
 *
 * @param found the leads with this value, those of earlier pages included
 */
export function afterLookup(
  { lookup: { find }, returned }: LookupStep,
  found: readonly FoundLead[],
  known: Known,
  { foreignIds }: PlanSettings,
): RecordOutcome {
  const { fields } = known;
  const type = find.by === 'foreignSysPersonId' ? find.type : undefined;
  // Without fields there was no step.
  const leads =
    fields === undefined ? [] : found.map((lead) => toLeadRecord(lead, type, fields, foreignIds, returned));
  return { kind: 'found', leads };
}

/** A comma separates the values of a find. */
function cannotBeAskedFor(parameter: LookupKey['by']): Failure {
  const detail = 'must not contain a comma, since Marketo cannot be asked for it';
  return refusal('validation-failed', `${parameter}: ${detail}.`, [
    { pointer: memberPointer(parameter), detail },
  ]);
}

function unknownFields(names: readonly string[]): Failure {
  const { detail, errors } = unknownFieldsProblem(names, []);
  return refusal('unknown-attribute', detail, errors);
}
