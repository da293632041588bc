import { z } from 'zod';
import { nearestName, spellingFree } from '../../leads/nearest-name.ts';
import { isXmlText } from '../../text/xml-characters.ts';
import { isObject, MAX_ID, refuseBy, text } from '../violations.ts';
import type { MemberError } from '../../leads/errors.ts';
import type { AttributeValue, LeadAttribute, UpsertLead } from '../../leads/lead.ts';
import { isPlaceholder } from '../../leads/placeholder.ts';
import { memberPointer } from '../../text/json.ts';
import { attributeList, attributes, checkList, hasTooLongList, TOO_MANY } from './attribute-list.ts';
import {
  cookieComplaint,
  decodeCookie,
  EMAIL_PATTERN,
  emailComplaint,
  MAX_EMAIL_LENGTH,
  toWireAddress,
} from './identifiers.ts';

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
function unknownMember(name: string, value: unknown): string {
  if (name in Object.prototype || !FIELD_LIKE.test(name) || !isXmlText(name)) return UNKNOWN;
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
function noObject(body: unknown): string {
  const wanted = 'must be a JSON object such as {"email":"jane@example.com"}';
  if (Array.isArray(body)) return `must be a JSON object and no list: ${ONE_LEAD}, so send each by itself`;
  if (typeof body !== 'string') return `${wanted}, and is ${JSON.stringify(body)}`;
  const isEncoded = /^\s*[[{"]/.test(body);
  return isEncoded
    ? `${wanted}, and is a string with JSON in it: it was encoded as JSON twice`
    : `${wanted}, and is a string`;
}

/**
 * What a caller may send (contract B), as a zod schema from which the OpenAPI document is generated as well. Schemas are
 * built once, when the module loads: building one costs more than a whole request. A member that is null is as if left
 * out: many languages and low-code screens send all members there are.
 */

/** The members that can tell which lead is meant, strongest first. */
const LEAD_KEYS = ['id', 'foreignSysPersonId', 'marketoCookie', 'email'];
/** As many unknown members are told; the others only counted. */
const MAX_TOLD = 1000;

const foreignSysType = z.enum(['CUSTOM', 'SFDC', 'NETSUITE'], {
  error: 'must be one of CUSTOM, SFDC, NETSUITE',
});

function placeholderComplaint(id: string): string | undefined {
  return id !== '' && isPlaceholder(id)
    ? 'is a placeholder and no id; leave foreignSysPersonId and foreignSysType out when there is none'
    : undefined;
}

/** A cookie that is empty is none: a page whose cookies are blocked reads that. */
function isNoCookie(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

export const upsertLeadRequest = z
  .strictObject(
    {
      id: z
        .int({
          error: ({ input }) => `must be an integer${typeof input === 'string' ? ', without quotes' : ''}`,
        })
        .min(1, { error: 'must be at least 1' })
        .max(MAX_ID, { error: `must be at most ${MAX_ID}` })
        .nullish()
        .meta({
          description: 'The Marketo id of a lead that exists. The strongest key.',
          title: 'Marketo Id',
          visibility: 'advanced',
          examples: [1000000],
        }),
      email: z
        .string({ error: 'must be a string' })
        .superRefine(refuseBy(emailComplaint))
        .meta({ maxLength: MAX_EMAIL_LENGTH, pattern: EMAIL_PATTERN })
        .nullish()
        .meta({
          description: 'The email address; the weakest key. Its domain may be an international one.',
          visibility: 'important',
          examples: ['jane@example.com'],
        }),
      foreignSysPersonId: text(1, 255)
        .superRefine(refuseBy(placeholderComplaint))
        .meta({ minLength: 1, maxLength: 255 })
        .nullish()
        .meta({
          description: 'The id of the person in another system; needs foreignSysType.',
          title: 'Foreign Id',
          visibility: 'advanced',
          examples: ['0035x00001AbCdE'],
        }),
      foreignSysType: foreignSysType.nullish().meta({
        description: 'The system foreignSysPersonId comes from; only together with it.',
        title: 'Foreign System',
        visibility: 'advanced',
        examples: ['SFDC'],
      }),
      marketoCookie: z
        .string({ error: 'must be a string' })
        .superRefine(refuseBy((value) => (isNoCookie(value) ? undefined : cookieComplaint(value))))
        .nullish()
        .meta({
          description:
            'The value of the _mkto_trk cookie, raw or percent-encoded: id:<munchkin id>&token:<token>. Empty is none.',
          title: 'Munchkin Cookie',
          visibility: 'advanced',
          examples: ['id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169'],
        }),
      attributes: attributes.nullish().meta({
        description:
          'Field names and their values. null clears a field; numbers go as plain decimals, booleans as 1 and 0.',
        examples: [{ FirstName: 'Jane', LeadScore: 62, Unsubscribed: false }],
        title: 'Attributes As Object',
        visibility: 'advanced',
      }),
      attributeList: attributeList.nullish().meta({
        description:
          'The same as a list, for tools without maps; after those of attributes. No name may be in both, or twice.',
        examples: [[{ name: 'LastName', value: 'Doe' }]],
        title: 'Attributes',
        visibility: 'important',
      }),
      returnLead: z
        .boolean({
          error: ({ input }) => `must be true or false${typeof input === 'string' ? ', without quotes' : ''}`,
        })
        .nullish()
        .meta({
          description: 'Whether the answer shall hold the complete updated lead; false when left out.',
          visibility: 'advanced',
        }),
      workspace: text(1, 255)
        .nullish()
        .meta({
          description: 'The workspace a new lead goes to, where the subscription has workspaces.',
          visibility: 'advanced',
          examples: ['Default'],
        }),
    },
    {
      error: (issue) =>
        issue.code === 'unrecognized_keys' ? 'is not a member of a lead' : noObject(issue.input),
    },
  )
  .superRefine(checkKeys, { when: () => true })
  .meta({
    id: 'Lead',
    description: `A lead to insert or update. At least one of ${LEAD_KEYS.join(', ')} tells which lead is meant.`,
    // What checkKeys says, in the words of JSON Schema. An anyOf of required members would say the same, but client
    // generators turn the whole type into `unknown` then.
    not: {
      anyOf: [
        {
          properties: Object.fromEntries(
            LEAD_KEYS.map((key) => [key, key === 'marketoCookie' ? { maxLength: 0 } : { type: 'null' }]),
          ),
        },
        alone('foreignSysPersonId', 'foreignSysType'),
        alone('foreignSysType', 'foreignSysPersonId'),
      ],
    },
    examples: [{ email: 'jane@example.com', attributes: { FirstName: 'Jane', LastName: 'Doe' } }],
  });

/** The schema of a lead that has one member and not the other. */
function alone(member: string, other: string): object {
  return {
    required: [member],
    properties: { [member]: { type: 'string' }, [other]: { type: 'null' } },
  };
}

/**
 * The rules that bind members to each other. Runs although members are wrong as well, so that a caller learns of
 * everything at once.
 */
function checkKeys(lead: unknown, context: z.RefinementCtx): void {
  if (!isObject(lead)) return;
  const has = (member: string) => lead[member] !== undefined && lead[member] !== null;
  const complain = (path: (string | number)[], message: string) =>
    context.addIssue({ code: 'custom', path, message });
  if (!LEAD_KEYS.some((key) => (key === 'marketoCookie' ? !isNoCookie(lead[key]) : has(key)))) {
    const blocked =
      lead['marketoCookie'] === ''
        ? '; marketoCookie is empty, as where the browser blocks the cookie, so send another key with it'
        : '';
    complain([], `needs at least one of ${LEAD_KEYS.join(', ')} to tell which lead is meant${blocked}`);
  }
  if (has('foreignSysPersonId') && !has('foreignSysType')) {
    complain(['foreignSysType'], 'is needed with foreignSysPersonId: one of CUSTOM, SFDC, NETSUITE');
  }
  if (has('foreignSysType') && !has('foreignSysPersonId')) {
    complain(['foreignSysType'], 'goes only with foreignSysPersonId, which is missing');
  }
  if (Array.isArray(lead['attributeList'])) checkList(lead['attributeList'], lead['attributes'], complain);
}

type ParsedRequest =
  | { readonly ok: true; readonly command: UpsertLead }
  | { readonly ok: false; readonly errors: readonly MemberError[] };

/**
 * Turns a parsed JSON body into a command, or into everything that is wrong with it, each with a pointer to its
 * member (contract B, `PUT /leads`). The order of the attributes is kept, those of the map before those of the list.
 */
export function toUpsertLead(body: unknown): ParsedRequest {
  if (hasTooLongList(body)) {
    const rest = toUpsertLead({ ...body, attributeList: [] });
    const error = { pointer: memberPointer('attributeList'), detail: TOO_MANY };
    return { ok: false, errors: rest.ok ? [error] : [...rest.errors, error] };
  }
  const parsed = upsertLeadRequest.safeParse(body);
  if (!parsed.success)
    return { ok: false, errors: parsed.error.issues.flatMap((issue) => toMemberErrors(issue, body)) };
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

/** Not by `Object.entries`, which makes a pair of each. */
function listOf(map: Readonly<Record<string, AttributeValue>> | null | undefined): LeadAttribute[] {
  if (!isGiven(map)) return [];
  return Object.keys(map).map((name) => ({ name, value: map[name] ?? null }));
}

function isGiven<Value>(member: Value): member is NonNullable<Value> {
  return member !== undefined && member !== null;
}

function toMemberErrors(issue: z.core.$ZodIssue, body: unknown): MemberError[] {
  const path = issue.path.map(String);
  const detail = issue.message;
  if (issue.code !== 'unrecognized_keys') return [{ pointer: memberPointer(...path), detail }];
  const { keys } = issue;
  const told = keys.slice(0, MAX_TOLD).map((key) => ({
    pointer: memberPointer(...path, key),
    detail: path.length === 0 && isObject(body) ? unknownMember(key, body[key]) : detail,
  }));
  // A body has room for 90,000 of them.
  const untold: MemberError = { pointer: '#', detail };
  return keys.length > MAX_TOLD ? told.concat(Array.from(keys.slice(MAX_TOLD), () => untold)) : told;
}
