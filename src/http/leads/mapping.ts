import type { z } from 'zod';
import { MAX_MEMBER_ERRORS, type MemberError } from '../../leads/errors.ts';
import type {
  AttributeValue,
  LeadAttribute,
  LeadRecord,
  UpsertLead,
  UpsertResult,
} from '../../leads/lead.ts';
import { nearestName, spellingFree } from '../../text/nearest-name.ts';
import { memberPointer } from '../../text/json.ts';
import { isXmlText } from '../../text/xml-characters.ts';
import { isObject, ofLongName } from '../problems/problem.ts';
import { complaintsOf, hasTooLongList, TOO_MANY } from './attribute-list.ts';
import { decodeCookie, toWireAddress } from './identifiers.ts';
import { type leadRecord, ONE_LEAD, upsertLeadRequest, type upsertLeadResponse } from './schema.ts';

type ParsedRequest =
  | { readonly ok: true; readonly command: UpsertLead }
  | ({ readonly ok: false } & Violations);

export type Violations = {
  /** No more than a problem lists. */
  readonly errors: readonly MemberError[];
  /** How many there are in all. */
  readonly count: number;
};

/**
 * Maps a parsed JSON body to a command, or to everything that is wrong with it (docs/rest-api.md#members). Attributes keep
 * their order, those of the map before those of the list.
 */
export function toUpsertLead(body: unknown): ParsedRequest {
  if (hasTooLongList(body)) {
    const rest = toUpsertLead({ ...body, attributeList: [] });
    const error = { pointer: memberPointer('attributeList'), detail: TOO_MANY };
    return rest.ok
      ? { ok: false, errors: [error], count: 1 }
      : { ok: false, errors: [...rest.errors, error].slice(0, MAX_MEMBER_ERRORS), count: rest.count + 1 };
  }
  const parsed = upsertLeadRequest.safeParse(body);
  if (!parsed.success) return { ok: false, ...violationsOf(parsed.error.issues, body) };
  const { id, email, foreignSysPersonId, foreignSysType: type, marketoCookie, workspace } = parsed.data;
  const command: UpsertLead = {
    ...(isGiven(id) && { id }),
    ...(isGiven(email) && { email: toWireAddress(email) }),
    ...(isGiven(foreignSysPersonId) && type && { foreignKey: { id: foreignSysPersonId, type } }),
    ...(isGiven(marketoCookie) && marketoCookie !== '' && { marketoCookie: decodeCookie(marketoCookie) }),
    ...(isGiven(workspace) && { workspace }),
    attributes: listOf(parsed.data.attributes).concat(parsed.data.attributeList ?? []),
    returnLead: parsed.data.returnLead ?? false,
  };
  return { ok: true, command };
}

/** Hot path: `Object.entries` would create an array for each attribute. */
function listOf(map: Readonly<Record<string, AttributeValue>> | null | undefined): LeadAttribute[] {
  if (!isGiven(map)) return [];
  return Object.keys(map).map((name) => ({ name, value: map[name] ?? null }));
}

function isGiven<Value>(member: Value): member is NonNullable<Value> {
  return member !== undefined && member !== null;
}

/** Names and words for as many violations as a problem lists; the others are only counted. */
function violationsOf(issues: readonly z.core.$ZodIssue[], body: unknown): Violations {
  const errors: MemberError[] = [];
  let count = 0;
  let left = MAX_NAMES_SHOWN;
  const add = (path: readonly string[], detail: string) => {
    count += 1;
    if (errors.length >= MAX_MEMBER_ERRORS) return;
    for (const part of path) left -= part.length;
    const shown = shownPart(path, left > 0);
    errors.push({
      pointer: memberPointer(...shown),
      detail: shown.length < path.length ? ofLongName(detail) : detail,
    });
  };
  for (const issue of issues) {
    const path = issue.path.map(String);
    if (issue.code === 'custom' && issue.params?.['complaints'] !== undefined) {
      for (const [within, complaint] of complaintsOf(issue.params))
        add([...path, ...within.map(String)], complaint);
    } else if (issue.code === 'unrecognized_keys') {
      for (const name of issue.keys) {
        const isGuessed = path.length === 0 && errors.length < MAX_GUESSED && isObject(body);
        add([...path, name], isGuessed ? unknownMember(name, body[name]) : issue.message);
      }
    } else {
      add(path, issue.message);
    }
  }
  return { errors, count };
}

export const UNLISTED: MemberError = { pointer: '#', detail: 'is not valid' };

/** Longer names than anything can have are not repeated, nor more of them than this in all: encoding them takes long. */
const MAX_NAME_SHOWN = 300;
const MAX_NAMES_SHOWN = 65_536;
/** What was probably meant is looked up for the first violations alone. */
const MAX_GUESSED = 100;

/** The path to the member, or to the nearest one around it that can be shown. */
function shownPart(path: readonly string[], isShown: boolean): readonly string[] {
  const long = path.findIndex((part) => part.length > (isShown ? MAX_NAME_SHOWN : MAX_MEMBER_LENGTH));
  return long === -1 ? path : path.slice(0, long);
}

/** Of the names that the API itself gives: `foreignSysPersonId`. */
const MAX_MEMBER_LENGTH = 18;

export const MEMBERS: readonly string[] = Object.keys(upsertLeadRequest.shape);

/** What Marketo's REST API, its screens, its SOAP API and the cookie itself call the members. */
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

/** Names of fields have letters; anything else, and names of prototypes, may come from an attacker. */
const FIELD_LIKE = /^[\p{L}_][\p{L}\p{N} _.-]{0,254}$/u;

export const UNKNOWN_MEMBER = 'is not a member of a lead';
/** What is wrong with an unknown member that may be a field of the lead. */
export const PROBABLY_ATTRIBUTE = `${UNKNOWN_MEMBER}; if it is a field of the lead, put it under attributes`;

/** What is wrong with an unknown member, and what was probably meant. */
function unknownMember(name: string, value: unknown): string {
  if (name in Object.prototype || !FIELD_LIKE.test(name) || !isXmlText(name)) return UNKNOWN_MEMBER;
  const meant = OTHER_NAMES.get(spellingFree(name)) ?? nearestName(name, MEMBERS);
  if (meant !== undefined) return `${UNKNOWN_MEMBER}; did you mean ${meant}?`;
  if (Array.isArray(value)) {
    return value.some(isObject) ? `${UNKNOWN_MEMBER}; ${ONE_LEAD}` : UNKNOWN_MEMBER;
  }
  if (isObject(value)) {
    return MEMBERS.some((member) => Object.hasOwn(value, member))
      ? `${UNKNOWN_MEMBER}; send its members at the top level`
      : UNKNOWN_MEMBER;
  }
  return PROBABLY_ATTRIBUTE;
}

/** @param asList whether the lead has its attributes as a list, too */
export function toResponse(result: UpsertResult, asList = false): z.infer<typeof upsertLeadResponse> {
  const { leadId, status, lead } = result;
  if (lead === undefined) return { leadId, status };
  return { leadId, status, lead: toLead(lead, asList) };
}

/** A lead as responses show it. */
export function toLead(lead: LeadRecord, asList: boolean): z.infer<typeof leadRecord> {
  // fromEntries defines members, so even an attribute named __proto__ becomes one.
  const values = Object.fromEntries(lead.attributes.map(({ name, value }) => [name, value]));
  const list = asList && { attributeList: lead.attributes.map(({ name, value }) => ({ name, value })) };
  return { ...lead, attributes: values, ...list };
}
