import type { LeadField, LeadFinding } from '../leads/fields.ts';
import { misfitOf } from '../leads/field-values.ts';
import type { AttributeValue, UpsertLead } from '../leads/lead.ts';
import { UNKNOWN_ATTRIBUTE } from '../leads/unknown-attributes.ts';
import { memberPointer } from '../text/json.ts';
import { wireValue } from './envelope.ts';
import { only, readReply, type RecordReply, valueOf } from './reply.ts';
import { UnreadableReply, type XmlElement } from './xml-document.ts';

/** The object that leads are. */
export const LEAD_RECORD = 'LeadRecord';

/** What a reply to `describeMObject` says. */
export type DescribeReply =
  | { readonly kind: 'described'; readonly fields: readonly LeadField[] }
  | Extract<RecordReply, { kind: 'fault' | 'unreadable' }>;

/** Members of a lead, which are not attributes in any spelling. */
const MEMBERS: ReadonlySet<string> = new Set(['id', 'email', 'foreignsyspersonid', 'foreignsystype']);

/** Reads a reply to `describeMObject` (docs/marketo-soap.md#describemobject). Never throws for what the upstream sent. */
export function readDescribeReply(body: Buffer, contentType: string | undefined): DescribeReply {
  return readReply(body, contentType, 'successDescribeMObject', (success) => {
    const result = only(success, 'result');
    const metadata = result && only(result, 'metadata');
    const list = metadata && only(metadata, 'fieldList');
    const fields = (list?.children ?? []).filter(({ name }) => name === 'field').map(readField);
    // No subscription is without fields.
    if (fields.length === 0) throw new UnreadableReply('has no fields in it');
    return { kind: 'described', fields: fields.filter(({ names }) => !MEMBERS.has(names[0].toLowerCase())) };
  });
}

function readField(field: XmlElement): LeadField & { readonly names: readonly [string] } {
  const name = valueOf(field, 'name');
  if (name === '') throw new UnreadableReply('has a field without a name');
  const size = Number(valueOf(field, 'size'));
  return {
    names: [name],
    title: valueOf(field, 'displayName') || name,
    type: valueOf(field, 'dataType').toLowerCase(),
    maxLength: Number.isSafeInteger(size) && size > 0 ? size : null,
    isReadOnly: isTrue(valueOf(field, 'isReadonly')),
    isCustom: isTrue(valueOf(field, 'isCustom')),
  };
}

function isTrue(value: string): boolean {
  return value === 'true' || value === '1';
}

/** Fields by their names, which count with their case. */
export type FieldsByName = ReadonlyMap<string, LeadField>;

export function byName(fields: readonly LeadField[]): FieldsByName {
  return new Map(fields.flatMap((field) => field.names.map((name) => [name, field] as const)));
}

/**
 * Everything in a lead for which the SOAP API may refuse it. Only an unknown name is certain: what the API makes of other
 * values, and of fields that are read-only, no source says.
 */
export function findingsIn({ attributes }: UpsertLead, fields: FieldsByName): readonly LeadFinding[] {
  return attributes.flatMap(({ name, value }) => {
    const finding = findingOf(fields.get(name), value);
    return finding === undefined ? [] : [{ pointer: memberPointer('attributes', name), ...finding }];
  });
}

function findingOf(
  field: LeadField | undefined,
  value: AttributeValue,
): Omit<LeadFinding, 'pointer'> | undefined {
  if (field === undefined) {
    return { detail: UNKNOWN_ATTRIBUTE, error: 'unknown-attribute', isCertain: true };
  }
  const error = 'lead-rejected';
  if (field.isReadOnly) {
    return { detail: 'is read-only in Marketo, which may ignore the value', error, isCertain: false };
  }
  const unfit = misfitOf(field, wireValue(value));
  return unfit && { ...unfit, error, isCertain: false };
}
