import { z } from 'zod';
import { describeInvalidCharacter, isLongerThan } from '../text/xml-characters.ts';
import { firstFew, GatewayError, MAX_MEMBER_ERRORS, type MemberError, shortenName } from '../leads/errors.ts';

/** Marketo's ids are 32-bit integers. */
export const MAX_ID = 2_147_483_647;

/** A string of `min` to `max` characters (counted as JSON Schema does) that XML can carry. */
export function text(min: number, max: number) {
  return z
    .string({ error: ({ input }) => `must be a string${typeof input === 'number' ? ', in quotes' : ''}` })
    .refine((value) => value.length >= min, {
      error: 'must not be empty; leave it out instead',
    })
    .refine((value) => !isLongerThan(value, max), { error: `must have at most ${max} characters` })
    .superRefine(refuseBy(describeInvalidCharacter))
    .meta(min > 0 ? { minLength: min, maxLength: max } : { maxLength: max });
}

/** A refinement by a function that says what is wrong with a value; undefined if nothing is. */
export function refuseBy<Value>(complaintOf: (value: Value) => string | undefined) {
  return (value: Value, context: z.RefinementCtx): void => {
    const message = complaintOf(value);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  };
}

/** Whether a JSON value is an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The refusal of a lead that breaks rules of the API. The detail repeats the first few violations, because many tools show
 * a person nothing else.
 */
export function invalidLead(errors: readonly MemberError[]): GatewayError {
  const count = errors.length === 1 ? '1 member is' : `${errors.length} members are`;
  const { shown, omitted } = firstFew(errors);
  const sentences = shown.map(({ pointer, detail }) => sentence(`${nameOf(pointer)}: ${detail}`));
  const more = omitted > 0 ? [`And ${omitted} more.`] : [];
  const cut = errors.length > MAX_MEMBER_ERRORS ? [`errors lists the first ${MAX_MEMBER_ERRORS}.`] : [];
  return new GatewayError('validation-failed', {
    detail: [`${count} not valid.`, ...sentences, ...more, ...cut].join(' '),
    errors: errors.slice(0, MAX_MEMBER_ERRORS),
  });
}

function sentence(words: string): string {
  return words.endsWith('?') ? words : `${words}.`;
}

/** A pointer for a person: `#/attributes/LeadScore` is attributes/LeadScore, `#` is the lead. */
function nameOf(pointer: string): string {
  if (pointer === '#') return 'The lead';
  return shortenName(decodeURIComponent(pointer.slice(2)).replaceAll('~1', '/').replaceAll('~0', '~'));
}
