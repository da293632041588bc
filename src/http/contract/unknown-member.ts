import { nearestName, spellingFree } from '../../leads/nearest-name.ts';
import { isCarriable } from '../../leads/text.ts';
import { isObject } from './members.ts';

/** The members of a lead. */
const MEMBERS: readonly string[] = [
  'id',
  'email',
  'foreignSysPersonId',
  'foreignSysType',
  'marketoCookie',
  'attributes',
  'attributeList',
  'returnLead',
  'workspace',
];

/** What others call the members: Marketo's REST API and screens, its SOAP API, and the cookie itself. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ['leadid', 'id'],
  ['marketoid', 'id'],
  ['emailaddress', 'email'],
  ['cookie', 'marketoCookie'],
  ['cookies', 'marketoCookie'],
  ['munchkincookie', 'marketoCookie'],
  ['munchkin', 'marketoCookie'],
  ['mktotrk', 'marketoCookie'],
  ['foreignid', 'foreignSysPersonId'],
  ['externalid', 'foreignSysPersonId'],
  ['fields', 'attributes'],
  ['customfields', 'attributes'],
  ['leadattributes', 'attributes'],
  ['leadattributelist', 'attributeList'],
  ['targetworkspace', 'workspace'],
]);

/** A field's name has letters; those of objects' prototypes are sent by attackers. */
const FIELD_LIKE = /^[\p{L}_][\p{L}\p{N} _.-]{0,254}$/u;

const UNKNOWN = 'is not a member of a lead';
const ONE_LEAD = 'one request is one lead';

/** What is wrong with a member that a lead does not have, and what was probably meant. */
export function unknownMember(name: string, value: unknown): string {
  if (name in Object.prototype || !FIELD_LIKE.test(name) || !isCarriable(name)) return UNKNOWN;
  const meant = OTHER_NAMES.get(spellingFree(name)) ?? nearestName(name, MEMBERS);
  if (meant !== undefined) return `${UNKNOWN}; did you mean ${meant}?`;
  if (Array.isArray(value)) {
    return value.some(isObject) ? `${UNKNOWN}; ${ONE_LEAD}, so send each by itself` : UNKNOWN;
  }
  if (isObject(value)) {
    return MEMBERS.some((member) => Object.hasOwn(value, member))
      ? `${UNKNOWN}; send what is in it at the top level`
      : UNKNOWN;
  }
  return `${UNKNOWN}; if it is a field of the lead, put it under attributes`;
}

/** What is wrong with a body that is no object, in words that say what it is. */
export function noObject(body: unknown): string {
  const wanted = 'must be a JSON object such as {"email":"jane@example.com"}';
  if (Array.isArray(body)) return `must be a JSON object and no list: ${ONE_LEAD}, so send each by itself`;
  if (typeof body !== 'string') return `${wanted}, and is ${JSON.stringify(body)}`;
  const isEncoded = /^\s*[[{"]/.test(body);
  return isEncoded
    ? `${wanted}, and is a string with JSON in it: it was encoded as JSON twice`
    : `${wanted}, and is a string`;
}
