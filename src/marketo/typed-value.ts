import type { AttributeValue } from '../leads/lead.ts';

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
