import { SoapFault } from '../soap-server/answer.ts';
import type { FieldMetadata, ObjectMetadata } from '../soap-server/metadata-answer.ts';
import { displayNameOf, FIELD_LENGTHS, isStandardField, type LeadField } from './leads/fields.ts';

const LEAD_RECORD = 'LeadRecord';

/** Fields of a lead's company, which its other leads share. */
const OF_COMPANY =
  /^(?:Company|Site|Website|MainPhone|Industry|SICCode|AnnualRevenue|NumberOfEmployees|Billing.*)$/;

/** Fields that are no attributes: they are set by Marketo. */
const OWN: readonly FieldMetadata[] = [
  own({ name: 'Id', displayName: 'Id', dataType: 'integer', isPrimaryKey: true }),
  own({ name: 'Lead Partition ID', displayName: 'Lead Partition ID', dataType: 'reference' }),
];

function own(field: Pick<FieldMetadata, 'name' | 'displayName' | 'dataType'> & Partial<FieldMetadata>) {
  return {
    sourceObject: 'Lead',
    size: null,
    isReadonly: true,
    isPrimaryKey: false,
    isCustom: false,
    ...field,
  };
}

/**
 * Describes an object for `describeMObject`; the sandbox has one.
 *
 * @throws {SoapFault} 20110 for any other object
 */
export function describeObject(objectName: string, fields: Iterable<LeadField>): ObjectMetadata {
  if (objectName !== LEAD_RECORD) {
    throw new SoapFault(20110, `There is no object named ${objectName}: ${LEAD_RECORD} is expected`);
  }
  return { name: LEAD_RECORD, isCustom: false, fields: [...OWN, ...[...fields].map(metadataOf)] };
}

function metadataOf({ name, type }: LeadField): FieldMetadata {
  return {
    name,
    displayName: displayNameOf(name),
    sourceObject: OF_COMPANY.test(name) ? 'Company' : 'Lead',
    // The vendor spells this type with a capital letter here, and without one in attrType.
    dataType: type === 'datetime' ? 'dateTime' : type,
    size: FIELD_LENGTHS[type] ?? null,
    isReadonly: false,
    isPrimaryKey: false,
    isCustom: !isStandardField(name),
  };
}
