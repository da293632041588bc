import type { ErrorRequestHandler } from 'express';
import { ANONYMOUS, hidesOutcome, type Principal } from '../../access/principal.ts';
import { GatewayError, type MemberError } from '../../leads/errors.ts';
import type { FieldList, LeadFields } from '../../leads/fields.ts';
import { STANDARD_FIELDS } from '../../leads/standard-fields.ts';
import {
  UNKNOWN_ATTRIBUTE,
  UNKNOWN_FIELD,
  unknownAttributesProblem,
  unknownFieldsProblem,
} from '../../leads/unknown-attributes.ts';
import { pathOf } from '../../text/json.ts';
import { nearestName } from '../../text/nearest-name.ts';
import { contextOf } from '../request-context.ts';
import { isAttributeName } from './attribute-list.ts';
import { deferIfMany } from './defer.ts';
import { PROBABLY_ATTRIBUTE, UNKNOWN_MEMBER } from './mapping.ts';

/**
 * Says in refusals of names that no field has which field was probably meant: one that this caller may write. Without
 * a list of fields only Marketo's standard ones are suggested.
 */
export function suggestFields(fields: Pick<LeadFields, 'known'> | null): ErrorRequestHandler {
  // Express recognises error handlers by their four parameters.
  return (error: unknown, _req, res, next) => {
    const { caller = ANONYMOUS } = contextOf(res);
    deferIfMany(error, () => next(suggestFor(error, caller, fields)));
  };
}

/** The same for one error. */
export function suggestFor(
  error: unknown,
  caller: Principal,
  fields: Pick<LeadFields, 'known'> | null,
): unknown {
  return error instanceof GatewayError ? withSuggestions(error, caller, fields?.known()) : error;
}

/** The error with suggestions for this caller, in place of those for all. */
export function withSuggestions(
  error: GatewayError,
  caller: Principal,
  list: FieldList | undefined,
): GatewayError {
  const { code, errors = [] } = error;
  const fields = errors.flatMap((one) => unknownField(one) ?? []);
  if (fields.length > 0) return error.with(unknownFieldsProblem(fields, writableNames(list, caller)));
  const names = errors.flatMap((one) => unknownName(one) ?? []);
  if (names.length > 0) {
    const problem = unknownAttributesProblem(names, writableNames(list, caller));
    if (names.length === errors.length && code === 'unknown-attribute') return error.with(problem);
    const told = new Map(problem.errors.map((one) => [one.pointer, one]));
    return error.with({ errors: errors.map((one) => told.get(one.pointer) ?? one) });
  }
  return code === 'validation-failed' && list !== undefined && !hidesOutcome(caller)
    ? withMeantAttributes(error, writableNames(list, caller))
    : error;
}

/** The name of an attribute that no field has, where an error is about one. */
function unknownName({ pointer, detail }: MemberError): string | undefined {
  if (!detail.startsWith(UNKNOWN_ATTRIBUTE)) return undefined;
  const [member, name] = pathOf(pointer);
  return member === 'attributes' ? name : undefined;
}

/** The same for a name in the parameter `fields` of a lookup. */
function unknownField({ detail }: MemberError): string | undefined {
  return detail.startsWith(UNKNOWN_FIELD) ? detail.slice(UNKNOWN_FIELD.length) : undefined;
}

/** The names under which a caller may write fields that can be written. */
function writableNames(list: FieldList | undefined, { permissions }: Principal): readonly string[] {
  const names =
    list === undefined
      ? STANDARD_FIELDS
      : list.fields.flatMap((field) => (field.isReadOnly ? [] : field.names));
  return names.filter((name) => isAttributeName(name) && permissions.mayWriteAttribute(name));
}

/** How many members are compared with the names of fields. */
const MAX_MEMBERS = 20;

/** Suggests fields for unknown members at the top level. */
function withMeantAttributes(error: GatewayError, names: readonly string[]): GatewayError {
  let { detail } = error;
  let left = MAX_MEMBERS;
  const errors = error.errors?.map((one) => {
    if (one.detail !== PROBABLY_ATTRIBUTE || left === 0) return one;
    left -= 1;
    const [name = ''] = pathOf(one.pointer);
    const meant = nearestName(name, names);
    if (meant === undefined) return one;
    const told = `${UNKNOWN_MEMBER}; did you mean ${meant} under attributes?`;
    detail = detail.replace(`${name}: ${PROBABLY_ATTRIBUTE}.`, () => `${name}: ${told}`);
    return { ...one, detail: told };
  });
  return error.with({ detail, errors });
}
