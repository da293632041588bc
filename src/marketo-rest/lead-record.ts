import type { AttributeValue, ForeignSysType, LeadAttribute, LeadRecord } from '../leads/lead.ts';
import { readId } from './answer.ts';
import type { Field, FieldMap } from './fields.ts';
import type { ForeignIdFields } from './record.ts';
import type { FoundLead } from './step.ts';

const TYPES = ['CUSTOM', 'SFDC', 'NETSUITE'] as const;

/**
 * A lead as Marketo returned it. Fields without a value are left out; the email and the foreign ids are members and no
 * attributes.
 *
 * @param type the foreign id that the request has; without it the first one with a value counts
 * @param returned the fields that become attributes
 */
export function toLeadRecord(
  lead: FoundLead,
  type: ForeignSysType | undefined,
  map: FieldMap,
  foreignIds: ForeignIdFields,
  returned: readonly Field[] = map.returned,
): LeadRecord {
  const attributes: LeadAttribute[] = [];
  for (const field of returned) {
    const value = map.isMember(field) ? null : valueOf(lead, field);
    if (value !== null) attributes.push({ name: map.attributeName(field), value });
  }
  const foreign = foreignIdOf(lead, type === undefined ? TYPES : [type], foreignIds);
  return {
    id: readId(lead['id']) ?? null,
    email: textOf(lead, 'email'),
    foreignSysPersonId: foreign?.id ?? null,
    foreignSysType: foreign?.type ?? null,
    attributes,
  };
}

function foreignIdOf(lead: FoundLead, types: readonly ForeignSysType[], foreignIds: ForeignIdFields) {
  for (const type of types) {
    const mapped = foreignIds[type];
    const names =
      mapped === undefined ? [] : typeof mapped === 'string' ? [mapped] : [mapped.lead, mapped.contact];
    for (const name of names) {
      const id = textOf(lead, name);
      if (id !== null && id !== '') return { id, type };
    }
  }
  return undefined;
}

function textOf(lead: FoundLead, name: string): string | null {
  const value = Object.hasOwn(lead, name) ? lead[name] : null;
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null;
}

function valueOf(lead: FoundLead, { restName }: Field): AttributeValue {
  const value = Object.hasOwn(lead, restName) ? lead[restName] : null;
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return JSON.stringify(value);
}
