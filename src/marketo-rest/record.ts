import type { ForeignKey, ForeignSysType, LeadAttribute, UpsertLead } from '../leads/lead.ts';
import { isAddress } from '../leads/field-values.ts';
import { firstFew, shortenName } from '../leads/errors.ts';
import { listNames, unknownAttributesProblem } from '../leads/unknown-attributes.ts';
import { memberPointer } from '../text/json.ts';
import { CUSTOM_LOOKUP_TYPES } from '../text/rest-protocol.ts';
import { isLongerThan } from '../text/xml-characters.ts';
import type { Failure } from '../upstream/outcome.ts';
import { refusal } from './failures.ts';
import type { Field, FieldMap } from './fields.ts';
import { MAX_BODY_BYTES } from './request.ts';
import { refusedValue } from './misfit.ts';
import { jsonValue } from './values.ts';

/** A lead as it is written, whatever finds it. */
export type LeadJson = {
  /** The members of its JSON object but for `id`, with commas between them; may be empty. */
  readonly members: string;
  /** What was written for each field, as the path of a member or attribute, by REST name. */
  readonly paths: ReadonlyMap<string, readonly string[]>;
};

/** Which fields hold the foreign ids of a type: one, or one for each prefix of an SFDC id. */
export type ForeignIdFields = Readonly<
  Partial<Record<ForeignSysType, string | { readonly lead: string; readonly contact: string }>>
>;

/** Integers of 32 bits in their one spelling: with two for one number, leads with the same id could pass each other. */
const INTEGER = /^(?:0|-?[1-9]\d{0,9})$/;
const SEARCHED_TYPES: ReadonlySet<string> = new Set(CUSTOM_LOOKUP_TYPES);

/** Many tools show nothing but the first sentence, so it has all. */
export function invalidMember(member: 'marketoCookie' | 'foreignSysPersonId', detail: string): Failure {
  return refusal('validation-failed', `${member}: ${detail}.`, [{ pointer: memberPointer(member), detail }]);
}

/** The REST name of the field for a foreign id, or why it has none. */
export function foreignIdField({ id, type }: ForeignKey, fields: ForeignIdFields): string | Failure {
  const mapped = fields[type];
  if (mapped === undefined) {
    return refusal(
      'validation-failed',
      `This gateway has no field for ids of the type ${type}. The operator can name it in MARKETO_FOREIGN_ID_FIELDS.`,
      [
        {
          pointer: memberPointer('foreignSysType'),
          detail: 'has no field in MARKETO_FOREIGN_ID_FIELDS',
        },
      ],
    );
  }
  if (typeof mapped === 'string') return mapped;
  if (id.startsWith('00Q')) return mapped.lead;
  if (id.startsWith('003')) return mapped.contact;
  return invalidMember(
    'foreignSysPersonId',
    'must be the id of a lead (00Q…) or of a contact (003…) in Salesforce',
  );
}

/** Whether Marketo finds leads by custom fields of a type. */
export function isSearchedType(dataType: string): boolean {
  return SEARCHED_TYPES.has(dataType);
}

/** A foreign id with its field, or why Marketo cannot use it. */
export function foreignIdValue(
  id: string,
  field: Field | undefined,
  searchable: ReadonlySet<string>,
): { readonly field: Field; readonly json: string } | Failure {
  if (field === undefined || !searchable.has(field.restName) || !isSearchedType(field.dataType)) {
    return refusal(
      'upstream-error',
      'Marketo cannot find leads by the field for this foreignSysType. The operator must check MARKETO_FOREIGN_ID_FIELDS.',
    );
  }
  if (field.dataType === 'integer') {
    const isInteger = INTEGER.test(id) && Math.trunc(Number(id)) === (Number(id) | 0);
    return isInteger
      ? { field, json: id }
      : invalidMember(
          'foreignSysPersonId',
          'must be a whole number of 32 bits, since its field in Marketo is an integer',
        );
  }
  if (field.dataType === 'email' && !isAddress(id)) {
    return invalidMember('foreignSysPersonId', 'must be an email address, since its field in Marketo is one');
  }
  if (field.maxLength !== undefined && isLongerThan(id, field.maxLength)) {
    return invalidMember(
      'foreignSysPersonId',
      `must have at most ${field.maxLength} characters, as its field in Marketo has`,
    );
  }
  return { field, json: JSON.stringify(id) };
}

/** A lead without attributes and foreign id needs no Describe. */
export function emailJson({ email }: UpsertLead): LeadJson {
  if (email === undefined) return { members: '', paths: NO_PATHS };
  return { members: `"email":${JSON.stringify(email)}`, paths: EMAIL_PATHS };
}

const NO_PATHS: LeadJson['paths'] = new Map();
const EMAIL_PATHS: LeadJson['paths'] = new Map([['email', ['email']]]);

/** Names that no field has; the fields may have changed since they were read. */
export type UnknownNames = { readonly kind: 'unknown-names'; readonly names: readonly string[] };

/**
 * Writes a lead's members and attributes by the names and types of its fields (docs/marketo-rest.md#names). Nothing is
 * sent unless every name is known, writable and given once.
 *
 * @param foreign the foreign id, where it is written
 */
export function leadJson(
  command: UpsertLead,
  foreign: { readonly field: Field; readonly json: string } | undefined,
  map: FieldMap,
): LeadJson | UnknownNames | Failure {
  const { members, paths: emailPaths } = emailJson(command);
  const paths = new Map(emailPaths);
  let json = members;
  if (foreign !== undefined) {
    if (foreign.field.isReadOnly) return readOnly([['foreignSysPersonId']]);
    json += `${json === '' ? '' : ','}${foreign.field.jsonName}${foreign.json}`;
    paths.set(foreign.field.restName, ['foreignSysPersonId']);
  }
  const unknown: string[] = [];
  const repeated: LeadAttribute[] = [];
  const fixed: (readonly string[])[] = [];
  const unfit: { readonly name: string; readonly detail: string }[] = [];
  for (const attribute of command.attributes) {
    const { name, value } = attribute;
    const field = map.attribute(name);
    if (field === undefined) {
      unknown.push(name);
    } else if (paths.has(field.restName)) {
      repeated.push(attribute);
    } else {
      paths.set(field.restName, ['attributes', name]);
      if (field.isReadOnly) fixed.push(['attributes', name]);
      const detail = refusedValue(field, value);
      if (detail !== undefined) unfit.push({ name, detail });
      json += `${json === '' ? '' : ','}${field.jsonName}${jsonValue(field.kind, value)}`;
    }
  }
  if (unknown.length > 0) return { kind: 'unknown-names', names: unknown };
  if (repeated.length > 0) return twice(repeated);
  if (fixed.length > 0) return readOnly(fixed);
  if (unfit.length > 0) return unfitValues(unfit);
  return { members: json, paths };
}

function twice(attributes: readonly LeadAttribute[]): Failure {
  const names = listNames(attributes.map(({ name }) => name));
  return refusal(
    'validation-failed',
    `Names of the lead are the same field in Marketo: leave out ${names}, or what it repeats.`,
    attributes.map(({ name }) => ({
      pointer: memberPointer('attributes', name),
      detail: 'is another name of a field that the lead has already',
    })),
  );
}

function unfitValues(unfit: readonly { readonly name: string; readonly detail: string }[]): Failure {
  const { shown, omitted } = firstFew(unfit);
  const sentences = shown.map(({ name, detail }) => `${shortenName(name)} ${detail}.`);
  const more = omitted > 0 ? [`And ${omitted} more.`] : [];
  return refusal(
    'lead-rejected',
    [...sentences, ...more, 'Nothing was sent to Marketo.'].join(' '),
    unfit.map(({ name, detail }) => ({ pointer: memberPointer('attributes', name), detail })),
  );
}

/** @param paths the members and attributes that were written for such fields */
function readOnly(paths: readonly (readonly string[])[]): Failure {
  const names = listNames(paths.map((path) => path.at(-1) ?? ''));
  return refusal(
    'lead-rejected',
    `Marketo's REST API cannot write some fields of the lead, so nothing was stored. Leave out ${names}.`,
    paths.map((path) => ({
      pointer: memberPointer(...path),
      detail: 'is a field that the REST API cannot write',
    })),
  );
}

/** The refusal of names that Describe, read just now, does not have. */
export function unknownAttributes(names: readonly string[]): Failure {
  const { detail, errors } = unknownAttributesProblem(names, []);
  return { ...refusal('unknown-attribute', detail, errors), unknownAttributes: names };
}

/** The refusal of a lead that no call can carry; undefined if one can. */
export function tooLarge(bytes: number): Failure | undefined {
  if (bytes <= MAX_BODY_BYTES) return undefined;
  return refusal(
    'body-too-large',
    'The lead takes more than 1,000,000 bytes, which is more than Marketo accepts. Send fewer or shorter attributes.',
  );
}
