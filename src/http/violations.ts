import { z } from 'zod';
import { describeInvalidCharacter, isLongerThan } from '../text/xml-characters.ts';
import { GatewayError, type MemberError } from '../leads/errors.ts';

/** Marketo's ids are integers of 32 bits. */
export const MAX_ID = 2_147_483_647;

/** A string of `min` to `max` characters, counted as JSON Schema does, that XML can carry. */
export function text(min: number, max: number) {
  return z
    .string({ error: ({ input }) => `must be a string${typeof input === 'number' ? ', in quotes' : ''}` })
    .refine((value) => value.length >= min, {
      error: 'must not be empty; leave it out when there is nothing to say',
    })
    .refine((value) => !isLongerThan(value, max), { error: `must have at most ${max} characters` })
    .superRefine(refuseUncarriable)
    .meta(min > 0 ? { minLength: min, maxLength: max } : { maxLength: max });
}

function refuseUncarriable(value: string, context: z.RefinementCtx): void {
  complain(context, describeInvalidCharacter(value));
}

/** A check of a member by a function that says what is wrong with it. */
export function refuseBy<Value>(complaintOf: (value: Value) => string | undefined) {
  return (value: Value, context: z.RefinementCtx): void => complain(context, complaintOf(value));
}

function complain(context: z.RefinementCtx, message: string | undefined): void {
  if (message !== undefined) context.addIssue({ code: 'custom', message });
}

/** Whether a value of JSON is an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const MAX_LISTED = 1000;
const MAX_TOLD = 3;
const MAX_NAME_LENGTH = 80;

/**
 * The refusal of a lead that breaks rules of the contract. The detail repeats the first few violations, for many
 * tools show a person nothing else.
 */
export function invalidLead(errors: readonly MemberError[]): GatewayError {
  const count = errors.length === 1 ? '1 member is' : `${errors.length} members are`;
  const told = errors
    .slice(0, MAX_TOLD)
    .map(({ pointer, detail }) => sentence(`${nameOf(pointer)}: ${detail}`));
  const more = errors.length > MAX_TOLD ? [`And ${errors.length - MAX_TOLD} more.`] : [];
  const cut = errors.length > MAX_LISTED ? [`errors lists the first ${MAX_LISTED}.`] : [];
  return new GatewayError('validation-failed', {
    detail: [`${count} not valid.`, ...told, ...more, ...cut].join(' '),
    errors: errors.slice(0, MAX_LISTED),
  });
}

function sentence(words: string): string {
  return words.endsWith('?') ? words : `${words}.`;
}

/** A pointer in the words of a person: `#/attributes/LeadScore` is attributes/LeadScore, `#` the lead. */
function nameOf(pointer: string): string {
  if (pointer === '#') return 'The lead';
  const name = decodeURIComponent(pointer.slice(2)).replaceAll('~1', '/').replaceAll('~0', '~');
  if (name.length <= MAX_NAME_LENGTH) return name;
  // A cut between the halves of a surrogate pair would leave text that is not Unicode.
  return `${name.slice(0, MAX_NAME_LENGTH).replace(/\p{Surrogate}$/u, '')}…`;
}
