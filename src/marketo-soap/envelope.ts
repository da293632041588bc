import { create } from 'xmlbuilder2';
import type { AttributeValue, LeadAttribute, UpsertLead } from '../leads/lead.ts';
import { MARKETO_NS, SOAP_ENVELOPE_NS } from '../text/soap-protocol.ts';
import type { Signature } from './signing.ts';
import { escapeText, textElement } from './xml-markup.ts';

const INTEGER = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$/;

/**
 * An answer's value by its `attrType` (contract B): integer and score, float, currency and percent become numbers,
 * boolean becomes a boolean. A value that does not fit its type, or that a number could not carry exactly, stays the
 * string it is; all else stays a string, byte for byte.
 */
export function typedValue(attrType: string, value: string): AttributeValue {
  switch (attrType) {
    case 'integer':
    case 'score':
      return INTEGER.test(value) && Number.isSafeInteger(Number(value)) ? Number(value) : value;
    case 'float':
    case 'currency':
    case 'percent':
      return DECIMAL.test(value) && isExact(value) ? Number(value) : value;
    case 'boolean':
      return BOOLEANS.get(value) ?? value;
    default:
      return value;
  }
}

/** Booleans travel as `1` and `0`; `true` and `false` also occur (observed). */
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['0', false],
  ['true', true],
  ['false', false],
]);

/** The smallest number with all 53 bits: below it, digits get lost. */
const MIN_NORMAL = 2 ** -1022;

/** A double keeps every decimal of up to 15 significant digits; longer ones only when they are its own shortest form. */
function isExact(decimal: string): boolean {
  const number = Number(decimal);
  const digits = decimal.replace(/e.*$/i, '').replaceAll(/[+.-]/g, '').replace(/^0+/, '');
  if (digits === '') return true;
  if (!Number.isFinite(number) || Math.abs(number) < MIN_NORMAL) return false;
  return digits.length <= 15 || String(number) === decimal;
}

/**
 * Writes the `syncLead` request (contract A, "Types" and "syncLead"): global elements in the service namespace,
 * everything inside them unqualified, in the order of the schema's sequences. Elements without a value are left out.
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
 * Writes the `syncMultipleLeads` request (contract A): at most 300 leads, de-duplicated by email where no other key is
 * given. There an email beside a stronger key is not written unless it also stands among the attributes, so it is
 * repeated there: the lead means the same as in `syncLead`. Cookie, returnLead and workspace have no place in it.
 */
export function writeSyncMultipleLeads(commands: readonly UpsertLead[], signature: Signature): string {
  const records = commands.map((command) => leadRecord(command, batchAttributes(command))).join('');
  const body = `<leadRecordList>${records}</leadRecordList><dedupEnabled>true</dedupEnabled>`;
  return fill(SYNC_MULTIPLE_LEADS, signature, body);
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

/** The text an attribute's value travels as (contract B): plain decimals, `1` and `0`, an empty value for null. */
function wireValue(value: AttributeValue): string {
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

/** A finite number without an exponent; the shortest digits that give the same number again. */
function plainDecimal(value: number): string {
  const shortest = String(value);
  const [, sign = '', whole = '', fraction = '', exponent] =
    /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(shortest) ?? [];
  if (exponent === undefined) return shortest;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return sign + digits.padEnd(point, '0');
}

/**
 * Where a value goes in a frame; xmlbuilder2 writes it as it is. ASCII, for a character beyond Latin-1 would make V8 keep
 * every part of the frame, and so every envelope, in two bytes a character.
 */
const SLOT = '{slot}';

/**
 * The fixed part of an envelope, cut at its slots. Built once by xmlbuilder2: its DOM for every envelope would cost
 * twenty times what joining does (and 70–100 ms of blocked event loop for a large one).
 */
function frame(operation: string, withWorkspace: boolean): readonly string[] {
  const envelope = create({ version: '1.0', encoding: 'UTF-8' })
    .ele(SOAP_ENVELOPE_NS, 'SOAP-ENV:Envelope')
    .att('http://www.w3.org/2000/xmlns/', 'xmlns:ns1', MARKETO_NS);
  const header = envelope.ele(SOAP_ENVELOPE_NS, 'SOAP-ENV:Header');
  const authentication = header.ele(MARKETO_NS, 'ns1:AuthenticationHeader');
  for (const name of ['mktowsUserId', 'requestSignature', 'requestTimestamp']) {
    authentication.ele('', name).txt(SLOT);
  }
  if (withWorkspace) {
    header.ele(MARKETO_NS, 'ns1:MktowsContextHeader').ele('', 'targetWorkspace').txt(SLOT);
  }
  envelope.ele(SOAP_ENVELOPE_NS, 'SOAP-ENV:Body').ele(MARKETO_NS, `ns1:${operation}`).txt(SLOT);
  return envelope.doc().end({ wellFormed: true }).split(SLOT);
}

const SYNC_LEAD = frame('paramsSyncLead', false);
const SYNC_LEAD_IN_WORKSPACE = frame('paramsSyncLead', true);
const SYNC_MULTIPLE_LEADS = frame('paramsSyncMultipleLeads', false);

/** `slots`, those behind the credentials, are XML already: escaped text, or elements. */
function fill(parts: readonly string[], signature: Signature, ...slots: readonly string[]): string {
  const { userId, requestSignature, requestTimestamp } = signature;
  let xml = `${parts[0]}${escapeText(userId)}${parts[1]}${escapeText(requestSignature)}${parts[2]}${escapeText(requestTimestamp)}`;
  for (const [index, slot] of slots.entries()) xml += parts[3 + index] + slot;
  return xml + parts[3 + slots.length];
}
