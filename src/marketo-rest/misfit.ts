import { hasForm, type Misfit, misfitOf } from '../leads/field-values.ts';
import type { AttributeValue } from '../leads/lead.ts';
import type { Field } from './fields.ts';
import { jsonValue } from './values.ts';

/**
 * Why Marketo would refuse a value for its field (code 1003); undefined if it fits. The empty text clears a field of any
 * type, as null does.
 */
export function misfit(
  { dataType, kind, maxLength }: Pick<Field, 'dataType' | 'kind' | 'maxLength'>,
  value: AttributeValue,
): Misfit | undefined {
  const written = JSON.parse(jsonValue(kind, value)) as AttributeValue;
  return written === null
    ? undefined
    : misfitOf({ type: dataType, maxLength: maxLength ?? null }, String(written));
}

/**
 * What no reading makes a value of its field: Marketo need not be asked. For other values that do not fit, it decides.
 *
 * @returns the end of a sentence, as `misfit` has it
 */
export function refusedValue({ dataType, kind }: Field, value: AttributeValue): string | undefined {
  if (typeof value !== 'string' || !hasForm(dataType)) return undefined;
  const unfit = misfit({ dataType, kind, maxLength: undefined }, value);
  return unfit?.isCertain === true ? unfit.detail : undefined;
}
