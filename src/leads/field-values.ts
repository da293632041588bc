import { MAX_INT32 } from '../text/int32.ts';
import { isLongerThan } from '../text/xml-characters.ts';
import type { LeadField } from './fields.ts';

const INTEGER = /^[+-]?\d{1,10}$/;
const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$/;
const DATE = /^(\d{4})-(\d\d)-(\d\d)(.*)$/s;
/** ISO 8601: a time of day and where it holds, both optional. */
const TIME_OF_DAY = /^(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/;
const ADDRESS = /^[^\s@]+@[^\s@]+$/;

/** Whether Marketo takes a text for an email address, as far as that can be told. */
export function isAddress(text: string): boolean {
  return ADDRESS.test(text);
}

type Form = {
  readonly isOf: (text: string) => boolean;
  /** What a text must have so that any reader could take it for a value of the type. */
  readonly needs: RegExp;
  readonly expected: string;
};

const DIGIT = /\d/;
const WHOLE: Form = {
  isOf: (text) => INTEGER.test(text) && Math.abs(Number(text)) <= MAX_INT32,
  needs: DIGIT,
  expected: 'a whole number of 32 bits',
};
const NUMBER: Form = {
  isOf: (text) => DECIMAL.test(text),
  needs: DIGIT,
  expected: 'a number such as 12.5',
};

/** How Marketo reads values, by the type of the field; types that are not here take any text. */
const FORMS: Readonly<Record<string, Form | undefined>> = {
  boolean: {
    isOf: (text) => /^(?:true|false|1|0)$/i.test(text),
    needs: /^(?:t|f|y|n|true|false|yes|no|on|off|.*\d.*)$/i,
    expected: 'true or false',
  },
  integer: WHOLE,
  score: WHOLE,
  reference: WHOLE,
  float: NUMBER,
  currency: NUMBER,
  percent: NUMBER,
  date: { isOf: (text) => isDate(text, /^$/), needs: DIGIT, expected: 'a date such as 1999-12-31' },
  datetime: {
    isOf: (text) => isDate(text, TIME_OF_DAY),
    needs: DIGIT,
    expected: 'a time such as 1999-12-31T23:59:59Z',
  },
  email: { isOf: isAddress, needs: /@/, expected: 'an email address' },
};

/** Types of text, which alone have a length. */
const HAS_OTHER_FORM: ReadonlySet<string> = new Set(Object.keys(FORMS).filter((type) => type !== 'email'));

/** Why a value does not fit its field, as a sentence without its subject. Does not repeat the value. */
export type Misfit = {
  readonly detail: string;
  /** False where the text could be read as a value of the type after all, or be cut. */
  readonly isCertain: boolean;
};

/**
 * Why Marketo would refuse a text for a field; undefined if it fits. The empty text clears a field of any type
 * (docs/rest-api.md#null-and-empty-text).
 */
export function misfitOf(
  { type, maxLength }: Pick<LeadField, 'type' | 'maxLength'>,
  text: string,
): Misfit | undefined {
  if (text === '') return undefined;
  const form = FORMS[type];
  const trimmed = text.trim();
  if (form !== undefined && !form.isOf(type === 'email' ? text : trimmed)) {
    return {
      detail: `does not fit its field in Marketo, which takes ${form.expected}`,
      isCertain: trimmed !== '' && !form.needs.test(trimmed),
    };
  }
  return maxLength !== null && !HAS_OTHER_FORM.has(type) && isLongerThan(text, maxLength)
    ? {
        detail: `is longer than its field in Marketo, which has ${maxLength} characters`,
        isCertain: false,
      }
    : undefined;
}

/** Whether some texts cannot be values of a type at all. */
export function hasForm(type: string): boolean {
  return FORMS[type] !== undefined;
}

function isDate(text: string, time: RegExp): boolean {
  const [, year, month, day, rest = ''] = DATE.exec(text) ?? [];
  if (day === undefined || !time.test(rest)) return false;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
}
