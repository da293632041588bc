import { type FieldType, fitsXml, normaliseValue } from '../leads/fields.ts';
import type { Lead } from '../leads/lead.ts';
import type { RestField } from './fields.ts';

/** What reading a field needs besides the lead. */
export type ValueContext = { readonly partitionIds: ReadonlyMap<string, number> };

/** The JSON text of a field of a lead: `null` where it is unset, `false` for a boolean. */
function valueText({ source }: RestField, lead: Lead, { partitionIds }: ValueContext): string {
  switch (source.of) {
    case 'attribute':
      return attributeText(source.type, lead.attributes.get(source.name));
    case 'foreign': {
      const { foreign } = lead;
      return foreign?.type === source.type && source.holds(foreign.id) ? JSON.stringify(foreign.id) : 'null';
    }
    case 'id':
      return String(lead.id);
    case 'email':
      return JSON.stringify(lead.email);
    case 'cookies':
      return lead.cookies.length === 0 ? 'null' : JSON.stringify(lead.cookies.map(cookieToken).join(','));
    case 'partition':
      return String(partitionIds.get(lead.partition) ?? null);
    case 'createdAt':
      return JSON.stringify(instant(lead.createdAt));
    case 'updatedAt':
      return JSON.stringify(instant(lead.updatedAt));
    case 'isAnonymous':
      return String(lead.anonymous);
  }
}

/** An object with these fields of the lead, in their order. */
export function leadText(lead: Lead, fields: readonly RestField[], context: ValueContext): string {
  const members = fields.map((field) => `${JSON.stringify(field.name)}:${valueText(field, lead, context)}`);
  return `{${members.join(',')}}`;
}

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function attributeText(type: FieldType, value: string | undefined): string {
  if (type === 'boolean') return String(value === '1');
  if (value === undefined) return 'null';
  switch (type) {
    case 'integer':
    case 'score':
      return value;
    case 'float':
    case 'currency':
    case 'percent':
      // Digits as they were sent, where JSON can write them.
      return JSON_NUMBER.test(value) ? value : JSON.stringify(Number(value));
    case 'datetime':
      // Milliseconds are taken and answered without.
      return JSON.stringify(value.replace(/\.\d+/, ''));
    default:
      return JSON.stringify(value);
  }
}

/** ISO 8601 in UTC, without milliseconds. */
function instant(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+/, '');
}

const COOKIE = /^id:[^&]+&token:(.+)$/s;

/** Whether it is the whole value of a Munchkin cookie, `id:<munchkin>&token:<…>`. */
export function isCookie(value: string): boolean {
  return COOKIE.test(value);
}

function cookieToken(cookie: string): string {
  return COOKIE.exec(cookie)?.[1] ?? cookie;
}

/** An address as browsers take it, roughly: no blanks, one `@`. */
const EMAIL = /^[^\s@]+@[^\s@]+$/;

/**
 * A JSON value as a field of that type stores it: `''` for null, which clears the field. Undefined when it is not of the
 * type.
 */
export function storedValue(type: FieldType | 'reference', value: unknown): string | undefined {
  const text = textOf(value);
  if (text === undefined || !fitsXml(text)) return undefined;
  if (type === 'email') return text === '' || EMAIL.test(text) ? text : undefined;
  return normaliseValue(type === 'reference' ? 'integer' : type, text);
}

/** A JSON value as text; undefined for lists and objects. */
export function textOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return plainDecimal(value);
    case 'boolean':
      return String(value);
    default:
      return value === null ? '' : undefined;
  }
}

/** Without an exponent, as SOAP clients write numbers. */
function plainDecimal(value: number): string {
  const [digits = '', exponent] = String(value).split('e');
  if (exponent === undefined) return digits;
  if (Number.isInteger(value)) return BigInt(value).toString();
  const sign = value < 0 ? '-' : '';
  return `${sign}0.${'0'.repeat(-Number(exponent) - 1)}${digits.replaceAll(/[-.]/g, '')}`;
}
