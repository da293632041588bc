import { GatewayError } from '../../leads/errors.ts';

/** A field of a form, in the order sent: a text, or a file, whose content does not matter here. */
export type FormField = { readonly name: string } & ({ readonly value: string } | { readonly isFile: true });

/** More than a lead of 1000 attributes needs, also where some are repeated. */
export const MAX_FIELDS = 2000;

export function malformedForm(detail: string): GatewayError {
  return new GatewayError('malformed-form', { detail });
}

export function tooManyFields(): GatewayError {
  return malformedForm(`The form has more than ${MAX_FIELDS} fields; send one lead.`);
}

export const NOT_UTF_8 = 'The form is not valid UTF-8; give the page <meta charset="utf-8">.';
