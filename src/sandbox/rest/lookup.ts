import { PARTITION_FIELD, REST_CODES } from '../../text/rest-protocol.ts';
import type { Lead, MatchKey } from '../leads/lead.ts';
import type { LeadStore } from '../leads/store.ts';
import { RestError } from './answer.ts';
import type { RestField, RestFields } from './fields.ts';

/**
 * The field that leads are looked up by.
 * @throws {RestError} 1006 for an unknown name, 1011 for a field that leads are not looked up by
 */
export function lookupField(fields: RestFields, name: string): RestField {
  const field = fields.get(name);
  if (!field) throw new RestError(REST_CODES.fieldNotFound, `Field '${name}' not found`);
  if (!field.searchable) {
    throw new RestError(REST_CODES.lookupNotSupported, `Lookup field '${name}' is not supported`);
  }
  return field;
}

/** As `lookupField`; leads are also found by their partition. @throws {RestError} 1006, 1011 */
export function filterField(fields: RestFields, name: string): RestField {
  const partition = name === PARTITION_FIELD ? fields.get(name) : undefined;
  return partition ?? lookupField(fields, name);
}

/** Finds the leads with a value; indexes what the store has no index for, once for all values of a call. */
export type Lookup = (value: string) => readonly Lead[];

/** @param partitionIds the id of each partition by its name */
export function createLookup(
  store: LeadStore,
  field: RestField,
  partitionIds: ReadonlyMap<string, number>,
): Lookup {
  return indexedLookup(store, field) ?? scanned(store, (lead) => lookupText(lead, field, partitionIds));
}

/** Undefined for a field that the store has no index for. */
function indexedLookup(store: LeadStore, { source }: RestField): Lookup | undefined {
  switch (source.of) {
    case 'id':
      return (value) => (/^\d{1,10}$/.test(value) ? some(store.get(Number(value))) : []);
    case 'email':
      return (value) => store.allByEmail(value);
    case 'cookies':
      return (value) => some(store.byCookie(value));
    case 'foreign':
      return (value) => (source.holds(value) ? store.allByForeignKey({ id: value, type: source.type }) : []);
    default:
      return undefined;
  }
}

/** Those leads among `ids` that have the value; what `createLookup` finds among all leads. */
export function findAmong(
  ids: ReadonlySet<number>,
  store: LeadStore,
  field: RestField,
  value: string,
): readonly Lead[] {
  const lookup = indexedLookup(store, field);
  if (lookup) return lookup(value).filter(({ id }) => ids.has(id));
  const leads = [...ids].flatMap((id) => store.get(id) ?? []);
  return leads.filter((lead) => lookupText(lead, field, new Map()) === value);
}

/** What a history entry calls the field that a lead was found by. */
export function matchKeyOf({ source }: RestField): MatchKey {
  switch (source.of) {
    case 'id':
      return 'Id';
    case 'email':
      return 'Email';
    case 'cookies':
      return 'cookie';
    case 'foreign':
      return 'ForeignSysPersonId';
    default:
      return 'field';
  }
}

function lookupText(
  lead: Lead,
  { source }: RestField,
  partitionIds: ReadonlyMap<string, number>,
): string | undefined {
  if (source.of === 'partition') return String(partitionIds.get(lead.partition));
  return source.of === 'attribute' ? lead.attributes.get(source.name) : undefined;
}

function scanned(store: LeadStore, textOf: (lead: Lead) => string | undefined): Lookup {
  let index: Map<string, Lead[]> | undefined;
  return (value) => {
    index ??= indexOf(store.all(), textOf);
    return index.get(value) ?? [];
  };
}

function indexOf(leads: Iterable<Lead>, textOf: (lead: Lead) => string | undefined): Map<string, Lead[]> {
  const index = new Map<string, Lead[]>();
  for (const lead of leads) {
    const text = textOf(lead);
    if (text === undefined) continue;
    const same = index.get(text);
    if (same) same.push(lead);
    else index.set(text, [lead]);
  }
  return index;
}

function some(lead: Lead | undefined): readonly Lead[] {
  return lead ? [lead] : [];
}
