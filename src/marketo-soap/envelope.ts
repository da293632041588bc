import type { AttributeValue, LeadAttribute, UpsertLead } from '../leads/lead.ts';
import { plainDecimal } from '../text/json.ts';
import { XSI_NS } from '../text/soap-protocol.ts';
import {
  DESCRIBE_M_OBJECT,
  GET_LEAD,
  GET_MULTIPLE_LEADS,
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

/** Writes a `getLead` request: every lead that has the key. */
export function writeGetLead(keyType: string, keyValue: string, signature: Signature): string {
  const key = textElement('keyType', keyType) + textElement('keyValue', keyValue);
  return fill(GET_LEAD, signature, `<leadKey>${key}</leadKey>`);
}

/** As many leads as an answer may have. */
const MAX_FOUND = 1000;

/**
 * Writes a `getMultipleLeads` request for at most 100 keys of one type.
 *
 * @param fields the attributes to return; undefined: all
 */
export function writeGetMultipleLeads(
  keyType: string,
  keyValues: readonly string[],
  fields: readonly string[] | undefined,
  signature: Signature,
): string {
  const selector =
    `<leadSelector xmlns:xsi="${XSI_NS}" xsi:type="ns1:LeadKeySelector">${textElement('keyType', keyType)}` +
    `<keyValues>${stringItems(keyValues)}</keyValues></leadSelector>`;
  // An empty list would ask for all.
  const included = fields === undefined || fields.length === 0 ? '' : stringItems(fields);
  const include = included === '' ? '' : `<includeAttributes>${included}</includeAttributes>`;
  return fill(GET_MULTIPLE_LEADS, signature, `${selector}<batchSize>${MAX_FOUND}</batchSize>${include}`);
}

function stringItems(texts: readonly string[]): string {
  return texts.map((text) => textElement('stringItem', text)).join('');
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
