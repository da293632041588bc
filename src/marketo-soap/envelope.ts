import type { AttributeValue, LeadAttribute, UpsertLead } from '../leads/lead.ts';
import { plainDecimal } from '../text/json.ts';
import {
  DESCRIBE_M_OBJECT,
  SYNC_LEAD,
  SYNC_LEAD_IN_WORKSPACE,
  SYNC_MULTIPLE_LEADS,
} from './envelope-frames.ts';
import type { Signature } from './signing.ts';
import { escapeText, textElement } from './xml-escaping.ts';

/**
 * Writes a `syncLead` request strictly by the schema (docs/marketo-soap.md#types): global elements in the service
 * namespace, those inside them unqualified and in the order of the sequences. Elements without a value are left out.
 *
 * @param workspace the target of the MktowsContextHeader; no header without it
 */
export function writeSyncLead(
  command: UpsertLead,
  signature: Signature,
  workspace: string | undefined,
): string {
  const body = `${leadRecord(command, command.attributes)}<returnLead>${command.returnLead}</returnLead>${
    command.marketoCookie === undefined ? '' : textElement('marketoCookie', command.marketoCookie)
  }`;
  return workspace === undefined
    ? fill(SYNC_LEAD, signature, body)
    : fill(SYNC_LEAD_IN_WORKSPACE, signature, escapeText(workspace), body);
}

/**
 * Writes a `syncMultipleLeads` request with at most 300 leads; it has no place for a cookie, returnLead or a workspace.
 * An email beside a stronger key is repeated among the attributes (docs/marketo-soap.md#syncmultipleleads).
 */
export function writeSyncMultipleLeads(commands: readonly UpsertLead[], signature: Signature): string {
  const records = commands.map((command) => leadRecord(command, batchAttributes(command))).join('');
  const body = `<leadRecordList>${records}</leadRecordList><dedupEnabled>true</dedupEnabled>`;
  return fill(SYNC_MULTIPLE_LEADS, signature, body);
}

/** Writes a `describeMObject` request. */
export function writeDescribeMObject(objectName: string, signature: Signature): string {
  return fill(DESCRIBE_M_OBJECT, signature, textElement('objectName', objectName));
}

function batchAttributes({ id, email, foreignKey, attributes }: UpsertLead): readonly LeadAttribute[] {
  const hasStrongerKey = id !== undefined || foreignKey !== undefined;
  return email !== undefined && hasStrongerKey
    ? [...attributes, { name: 'Email', value: email }]
    : attributes;
}

function leadRecord({ id, email, foreignKey }: UpsertLead, attributes: readonly LeadAttribute[]): string {
  let xml = '<leadRecord>';
  if (id !== undefined) xml += `<Id>${id}</Id>`;
  if (email !== undefined) xml += textElement('Email', email);
  if (foreignKey !== undefined) {
    xml += textElement('ForeignSysPersonId', foreignKey.id) + textElement('ForeignSysType', foreignKey.type);
  }
  if (attributes.length > 0) {
    xml += '<leadAttributeList>';
    for (const { name, value } of attributes) {
      xml += `<attribute><attrName>${escapeText(name)}</attrName><attrValue>${escapeText(wireValue(value))}</attrValue></attribute>`;
    }
    xml += '</leadAttributeList>';
  }
  return `${xml}</leadRecord>`;
}

/** A value as Marketo reads it: a plain decimal, `1` or `0`, an empty value for null (docs/rest-api.md#attribute-values). */
export function wireValue(value: AttributeValue): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return plainDecimal(value);
    case 'boolean':
      return value ? '1' : '0';
    default:
      return '';
  }
}

/** @param slots the values after the credentials, as XML: escaped text or elements */
function fill(parts: readonly string[], signature: Signature, ...slots: readonly string[]): string {
  const { userId, requestSignature, requestTimestamp } = signature;
  let xml = `${parts[0]}${escapeText(userId)}${parts[1]}${escapeText(requestSignature)}${parts[2]}${escapeText(requestTimestamp)}`;
  for (const [index, slot] of slots.entries()) xml += parts[3 + index] + slot;
  return xml + parts[3 + slots.length];
}
