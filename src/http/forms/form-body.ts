import type { ErrorRequestHandler, Request, RequestHandler } from 'express';
import { inTurns } from '../../runtime/in-turns.ts';
import { GatewayError } from '../../leads/errors.ts';
import type { BodyMemory } from '../body-memory.ts';
import type { MediaType } from '../media-type.ts';
import { readBody, requireMediaType } from '../request-body.ts';
import { contextOf } from '../request-context.ts';
import type { CheckSignature } from '../webhook-signatures.ts';
import { MULTIPART, readPostedLead, URL_ENCODED } from './posted-lead.ts';

/** `sendBeacon` announces a text, so text is read as JSON, too. */
const TYPES: ReadonlySet<string> = new Set(['application/json', 'text/plain', URL_ENCODED, MULTIPART]);

const ADVICE =
  'send JSON as application/json, or a form as application/x-www-form-urlencoded or multipart/form-data, in UTF-8';

/** What can be posted: JSON or a form (docs/forms.md). Its bytes become `req.body`. */
export function readPostedBody(bodyMemory: BodyMemory): RequestHandler {
  return readBody(
    bodyMemory,
    (req) => void mediaTypeOf(req),
    (bytes) => bytes,
  );
}

function mediaTypeOf(req: Request): MediaType {
  return requireMediaType(req, (name) => TYPES.has(name), ADVICE);
}

/**
 * Turns the bytes in `req.body` into the JSON of a lead, once the signature is checked. Fails with `malformed-json`,
 * `malformed-form`, `validation-failed` or `invalid-signature`.
 */
export function parsePostedBody(checkSignature: CheckSignature): RequestHandler {
  return async (req, res, next) => {
    const context = contextOf(res);
    const bytes = (req.body as Buffer | undefined) ?? Buffer.alloc(0);
    const posting = context.caller?.posting;
    if (posting?.signature !== undefined) {
      await checkSignature(posting.signature, { headers: req.headers, body: bytes }, req).catch(
        (error: unknown) => {
          if (error instanceof GatewayError && error.code === 'invalid-signature') {
            context.refusal = 'webhook-signature';
          }
          throw error;
        },
      );
    }
    const type = req.headers['content-type'] === undefined ? undefined : mediaTypeOf(req);
    const { body, placeOf, isTrapped } = await inTurns(readPostedLead(bytes, type, posting));
    req.body = body;
    context.placeOf = placeOf;
    context.isTrapped = isTrapped;
    next();
  };
}

/** Lets problems of a lead point into the posted body. */
// Express recognises error handlers by their four parameters.
export const pointIntoPosted: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  const { placeOf } = contextOf(res);
  // Those of a lead that is not valid point there already.
  const isPlaced =
    placeOf === undefined || !(error instanceof GatewayError) || error.code === 'validation-failed';
  if (isPlaced || error.errors === undefined) {
    next(error);
    return;
  }
  next(error.with({ errors: error.errors.map((one) => ({ ...one, pointer: placeOf(one.pointer) })) }));
};
