import type { ErrorRequestHandler } from 'express';
import { GatewayError } from '../leads/errors.ts';
import { memberPointer } from '../leads/pointer.ts';

/**
 * Behind the HTTP side an attribute is an attribute, and what is wrong with one is told as of a member of the map. A
 * caller who sent it in the list is pointed to its place there. Of a member that the caller did not send, such as the
 * workspace the gateway puts in, there is nothing to point to.
 */
// Express tells error handlers by their four parameters.
export const pointIntoList: ErrorRequestHandler = (error: unknown, req, _res, next) => {
  next(translate(error, req.body));
};

function translate(error: unknown, body: unknown): unknown {
  if (!(error instanceof GatewayError) || error.errors === undefined) return error;
  // A lead that is not valid is told of where it is read, with pointers into the body.
  if (error.code === 'validation-failed') return error;
  const sent = (body ?? {}) as Readonly<Record<string, unknown>>;
  const places = placesIn(sent['attributeList']);
  const mapped = new Set(
    Object.keys(sent['attributes'] ?? {}).map((name) => memberPointer('attributes', name)),
  );
  const pointed = error.errors
    .map((member) => ({ ...member, pointer: places.get(member.pointer) ?? member.pointer }))
    .filter(({ pointer }) =>
      pointer.startsWith('#/attributes/') ? mapped.has(pointer) : isSent(pointer, sent),
    );
  const { code, detail, upstream, retryable, retryAfterSeconds, cause } = error;
  return new GatewayError(code, {
    detail,
    cause,
    ...(pointed.length > 0 && { errors: pointed }),
    ...(upstream !== undefined && { upstream }),
    ...(retryable !== undefined && { retryable }),
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  });
}

/** Where the attributes of a list stand in it, by their pointers into the map. */
function placesIn(list: unknown): ReadonlyMap<string, string> {
  const items = Array.isArray(list) ? (list as { name: string }[]) : [];
  return new Map(
    items.map(({ name }, at) => [
      memberPointer('attributes', name),
      memberPointer('attributeList', String(at), 'name'),
    ]),
  );
}

/** Whether the body has the member a pointer goes through first. */
function isSent(pointer: string, sent: Readonly<Record<string, unknown>>): boolean {
  const [, member = ''] = pointer.split('/', 2);
  return pointer === '#' || (Object.hasOwn(sent, member) && sent[member] !== null);
}
