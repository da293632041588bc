import type { Posting } from '../../access/posting.ts';
import type { MediaType } from '../media-type.ts';
import { parseAnyJson, parseJson } from '../request-body.ts';
import type { Sliced } from '../../text/sliced.ts';
import type { FormField } from './fields.ts';
import { formToLead, placeInForm } from './form-to-lead.ts';
import { takeHoneypot } from './honeypot.ts';
import { mapLead } from './map-lead.ts';
import { parseMultipart } from './multipart.ts';
import { parseUrlEncoded } from './urlencoded.ts';

export const MULTIPART = 'multipart/form-data';
export const URL_ENCODED = 'application/x-www-form-urlencoded';

export type PostedLead = {
  /** As `PUT` takes it. */
  readonly body: unknown;
  /** Pointer into the lead → pointer into the posted body; undefined if that is a lead in JSON. */
  readonly placeOf: ((pointer: string) => string) | undefined;
  readonly isTrapped: boolean;
};

/**
 * Reads what was posted as a lead. Yields where other requests may run. Throws `malformed-json`, `malformed-form` or
 * `validation-failed`.
 *
 * @param type undefined if nothing was posted
 */
export function* readPostedLead(
  bytes: Buffer,
  type: MediaType | undefined,
  { honeypot, map }: Pick<Posting, 'honeypot' | 'map'> = {},
): Sliced<PostedLead> {
  const fields = yield* fieldsIn(bytes, type);
  if (map !== undefined) {
    const posted = fields === undefined ? yield* parseAnyJson(bytes) : toObject(fields);
    const isTrapped = honeypot !== undefined && takeHoneypot(posted, honeypot);
    return { ...(yield* mapLead(map, posted)), isTrapped };
  }
  const body = fields === undefined ? yield* parseJson(bytes) : formToLead(fields);
  const isTrapped = honeypot !== undefined && takeHoneypot(body, honeypot);
  return { body, placeOf: fields === undefined ? undefined : placeInForm, isTrapped };
}

function* fieldsIn(bytes: Buffer, type: MediaType | undefined): Sliced<readonly FormField[] | undefined> {
  if (type?.name === URL_ENCODED) return yield* parseUrlEncoded(bytes);
  if (type?.name === MULTIPART) return yield* parseMultipart(bytes, type.parameters.get('boundary'));
  return undefined;
}

/** The texts of a form by their names; repeated ones are a list. */
function toObject(fields: readonly FormField[]): Record<string, unknown> {
  const values = new Map<string, string | string[]>();
  for (const field of fields) {
    if ('isFile' in field) continue;
    const before = values.get(field.name);
    if (before === undefined) values.set(field.name, field.value);
    else if (typeof before === 'string') values.set(field.name, [before, field.value]);
    else before.push(field.value);
  }
  return Object.fromEntries(values);
}
