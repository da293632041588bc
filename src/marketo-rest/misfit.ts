import type { AttributeValue } from '../leads/lead.ts';
import { isLongerThan } from '../text/xml-characters.ts';
import type { Field } from './fields.ts';
import { isAddress, jsonValue } from './values.ts';

const MAX_INTEGER = 2_147_483_647;
const INTEGER = /^[+-]?\d{1,10}$/;
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$/;
const DATE = /^(\d{4})-(\d\d)-(\d\d)(.*)$/s;
/** ISO 8601: a time of day and where it holds, both optional. */
const TIME_OF_DAY = /^(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/;

type Form = { readonly isOf: (text: string) => boolean; readonly expected: string };

const WHOLE: Form = {
  isOf: (text) => INTEGER.test(text) && Math.abs(Number(text)) <= MAX_INTEGER,
  expected: 'a whole number of 32 bits',
};
const NUMBER: Form = { isOf: (text) => DECIMAL.test(text), expected: 'a number such as 12.5' };

/** How Marketo reads values, by the type of the field; types that are not here take any text. */
const FORMS: Readonly<Record<string, Form | undefined>> = {
  boolean: { isOf: (text) => /^(?:true|false|1|0)$/i.test(text), expected: 'true or false' },
  integer: WHOLE,
  score: WHOLE,
  reference: WHOLE,
  float: NUMBER,
  currency: NUMBER,
  percent: NUMBER,
  date: { isOf: (text) => isDate(text, /^$/), expected: 'a date such as 1999-12-31' },
  datetime: { isOf: (text) => isDate(text, TIME_OF_DAY), expected: 'a time such as 1999-12-31T23:59:59Z' },
  email: { isOf: isAddress, expected: 'an email address' },
};

/**
 * Why Marketo would refuse a value for its field (code 1003), as a sentence without its subject; undefined if it fits.
 * The empty text clears a field of any type, as null does. Does not repeat the value.
 */
export function misfit(field: Pick<Field, 'dataType' | 'kind' | 'maxLength'>, value: AttributeValue) {
  const written = JSON.parse(jsonValue(field.kind, value)) as AttributeValue;
  if (written === null || written === '') return undefined;
  const text = String(written);
  const form = FORMS[field.dataType];
  if (form !== undefined && !form.isOf(form === FORMS['email'] ? text : text.trim())) {
    return `does not fit its field in Marketo, which takes ${form.expected}`;
  }
  const { maxLength, kind } = field;
  return kind === 'text' && maxLength !== undefined && isLongerThan(text, maxLength)
    ? `is longer than its field in Marketo, which has ${maxLength} characters`
    : undefined;
}

function isDate(text: string, time: RegExp): boolean {
  const [, year, month, day, rest = ''] = DATE.exec(text) ?? [];
  if (day === undefined || !time.test(rest)) return false;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
}
