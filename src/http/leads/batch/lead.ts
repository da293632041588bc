import { authorize, type Principal } from '../../../access/principal.ts';
import { GatewayError } from '../../../leads/errors.ts';
import type { UpsertLead } from '../../../leads/lead.ts';
import { invalidLead } from '../../problems/problem.ts';
import { parseBody } from '../../request-body.ts';
import { toUpsertLead } from '../mapping.ts';

/** A lead of a batch that may be written, with the JSON value it was made from; or why not. */
export type CheckedLead =
  | { readonly command: UpsertLead; readonly body: unknown }
  | { readonly refusal: GatewayError };

/** Checks a lead as `PUT /leads` does. @param bytes its JSON */
export function readLead(bytes: Buffer, caller: Principal): CheckedLead {
  try {
    return checkLead(parseBody(bytes), caller);
  } catch (error) {
    return refused(error);
  }
}

/** @param body the parsed JSON of a lead */
function checkLead(body: unknown, caller: Principal): CheckedLead {
  const parsed = toUpsertLead(body);
  if (!parsed.ok) return refused(invalidLead(parsed.errors, parsed.count));
  try {
    return { command: authorize(parsed.command, caller), body };
  } catch (error) {
    return refused(error);
  }
}

function refused(error: unknown): CheckedLead {
  if (error instanceof GatewayError) return { refusal: shortened(error) };
  throw error;
}

/** A batch has room for a million mistakes, and all its leads are checked before the first is written. */
const MAX_ERRORS = 100;

function shortened(refusal: GatewayError): GatewayError {
  const { errors, detail } = refusal;
  if (errors === undefined || errors.length <= MAX_ERRORS) return refusal;
  return refusal.with({
    errors: errors.slice(0, MAX_ERRORS),
    detail: `${detail.replace(/ errors lists the first \d+\.$/, '')} errors lists the first ${MAX_ERRORS}.`,
  });
}
