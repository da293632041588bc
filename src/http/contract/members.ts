import { z } from 'zod';
import { describeUncarriable, isLongerThan } from '../../leads/text.ts';

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
  complain(context, describeUncarriable(value));
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
