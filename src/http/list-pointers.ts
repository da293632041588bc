import type { ErrorRequestHandler } from 'express';
import { GatewayError } from '../leads/errors.ts';
import { memberPointer } from '../leads/pointer.ts';

/**
 * Behind the HTTP side an attribute is an attribute, and what is wrong with one is told as of a member of the map. A
 * caller who sent it in the list is pointed to its place there.
 */
// Express tells error handlers by their four parameters.
export const pointIntoList: ErrorRequestHandler = (error: unknown, req, _res, next) => {
  next(translate(error, req.body));
};

function translate(error: unknown, body: unknown): unknown {
  if (!(error instanceof GatewayError) || error.errors === undefined) return error;
  const { attributeList: list } = (body ?? {}) as { attributeList?: unknown };
  // A list that is not valid is told of where it is read, with pointers into it.
  if (!Array.isArray(list) || error.code === 'validation-failed') return error;
  const places = new Map(
    (list as { name: string }[]).map(({ name }, at) => [
      memberPointer('attributes', name),
      memberPointer('attributeList', String(at), 'name'),
    ]),
  );
  const { code, detail, errors, upstream, retryable, retryAfterSeconds, cause } = error;
  return new GatewayError(code, {
    detail,
    errors: errors.map((member) => ({ ...member, pointer: places.get(member.pointer) ?? member.pointer })),
    cause,
    ...(upstream !== undefined && { upstream }),
    ...(retryable !== undefined && { retryable }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
}
