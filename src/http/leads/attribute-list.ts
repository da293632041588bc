import { z } from 'zod';
import type { ErrorRequestHandler } from 'express';
import type { AttributeValue } from '../../leads/lead.ts';
import { describeInvalidCharacter, isXmlText, isLongerThan } from '../../text/xml-characters.ts';
import { isObject } from '../problems/problem.ts';
import { GatewayError } from '../../leads/errors.ts';
import { memberPointer, pathOf } from '../../text/json.ts';
import { deferIfMany } from './defer.ts';

export const MAX_ATTRIBUTES = 1000;
export const TOO_MANY = `must have at most ${MAX_ATTRIBUTES} members`;
const MAX_NAME_LENGTH = 255;
const MAX_VALUE_LENGTH = 65_535;

/** Names of keys, which no attribute may have, in their usual spelling. */
const RESERVED_NAMES = ['Id', 'Email', 'ForeignSysPersonId', 'ForeignSysType'];

/** Name in lower case → the member to use instead: as an attribute it could contradict that member. */
const KEY_MEMBERS: Readonly<Record<string, string>> = {
  id: 'id',
  email: 'email',
  foreignsyspersonid: 'foreignSysPersonId',
  foreignsystype: 'foreignSysType',
};

const KEY_LENGTHS: ReadonlySet<number> = new Set(Object.keys(KEY_MEMBERS).map((name) => name.length));

/** Everything that is wrong with the value of an attribute. By hand: a union of schemas takes 100 µs for each it refuses. */
function valueComplaints(value: unknown): string[] {
  switch (typeof value) {
    case 'string':
      return [
        ...(isLongerThan(value, MAX_VALUE_LENGTH)
          ? [`must have at most ${MAX_VALUE_LENGTH} characters`]
          : []),
        ...[describeInvalidCharacter(value)].filter((complaint) => complaint !== undefined),
      ];
    case 'number':
      if (!Number.isFinite(value)) return ['is too large for a number; send it as a string'];
      return Number.isInteger(value) && !Number.isSafeInteger(value)
        ? ['is an integer that JSON numbers cannot carry exactly; send it as a string']
        : [];
    case 'boolean':
      return [];
    case 'undefined':
      return ['is missing; null clears the field'];
    default:
      return value === null ? [] : ['must be a string, a number, true, false or null'];
  }
}

const VALUE_SCHEMA = { type: ['string', 'number', 'boolean', 'null'], maxLength: MAX_VALUE_LENGTH };

/** Hot path: whether a value is valid; false if only `valueComplaints` can tell. */
function isSurelyValid(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return value.length <= MAX_VALUE_LENGTH && isXmlText(value);
    case 'number':
      return Number.isSafeInteger(value);
    case 'boolean':
      return true;
    default:
      return value === null;
  }
}

/** The member that a key's name means, in any case; undefined for the name of an attribute. */
export function keyMemberOf(name: string): string | undefined {
  // Hot path: few names have the length of a key, and folding the others takes longest.
  if (!KEY_LENGTHS.has(name.length)) return undefined;
  const folded = name.toLowerCase();
  return Object.hasOwn(KEY_MEMBERS, folded) ? KEY_MEMBERS[folded] : undefined;
}

/** What is wrong with an attribute's name; undefined if it is valid. */
export function nameComplaint(name: string): string | undefined {
  if (name === '') return 'an attribute needs a name';
  if (isLongerThan(name, MAX_NAME_LENGTH)) {
    return `an attribute's name must have at most ${MAX_NAME_LENGTH} characters`;
  }
  const member = keyMemberOf(name);
  if (member !== undefined) {
    return `is a key of the lead, not an attribute; send it as the member ${member}`;
  }
  if (name === '__proto__') return 'cannot be the name of an attribute';
  const complaint = describeInvalidCharacter(name);
  return complaint === undefined ? undefined : `the attribute's name is not valid: ${complaint}`;
}

/** The path of a member, from where the issue is, and what is wrong with it. */
type Complaint = readonly [path: readonly (string | number)[], message: string];

/** What an issue of zod's says about many members: zod takes 10 µs for each issue, so they share one. */
export function complaintsOf(params: Readonly<Record<string, unknown>>): readonly Complaint[] {
  return params['complaints'] as readonly Complaint[];
}

/** Whether an attribute may have that name. */
export function isAttributeName(name: string): boolean {
  return nameComplaint(name) === undefined;
}

/**
 * The map of attributes, checked by hand: zod's record silently skips a `__proto__` member, and does not check the value of
 * a name it refuses.
 */
export const attributes = z
  .custom<Readonly<Record<string, AttributeValue>>>()
  .superRefine((value: unknown, context) => {
    if (!isObject(value)) {
      const advice = Array.isArray(value) ? '; a list goes into attributeList' : '';
      context.addIssue({ code: 'custom', message: `must be an object of names and values${advice}` });
      return;
    }
    const names = Object.keys(value);
    if (names.length > MAX_ATTRIBUTES) {
      context.addIssue({ code: 'custom', message: TOO_MANY });
      return;
    }
    const complaints: Complaint[] = [];
    for (const name of names) {
      const raw = value[name];
      const complaint = nameComplaint(name);
      if (complaint !== undefined) complaints.push([[name], complaint]);
      if (isSurelyValid(raw)) continue;
      for (const message of valueComplaints(raw)) complaints.push([[name], message]);
    }
    if (complaints.length > 0) context.addIssue({ code: 'custom', params: { complaints } });
  })
  .meta({
    type: 'object',
    maxProperties: MAX_ATTRIBUTES,
    propertyNames: {
      minLength: 1,
      maxLength: MAX_NAME_LENGTH,
      not: { enum: RESERVED_NAMES },
    },
    additionalProperties: VALUE_SCHEMA,
  });

/** An element of the list, by the name `Attribute` in the API description; `attributeList` checks them all. */
const attribute = z.custom<{ readonly name: string; readonly value: AttributeValue }>().meta({
  type: 'object',
  properties: {
    name: {
      type: 'string',
      minLength: 1,
      maxLength: MAX_NAME_LENGTH,
      not: { enum: RESERVED_NAMES },
      description: 'The name of the field, as the SOAP API spells it.',
      examples: ['LastName'],
      visibility: 'important',
    },
    value: {
      ...VALUE_SCHEMA,
      description: 'The value; null clears the field.',
      examples: ['Doe'],
      visibility: 'important',
    },
  },
  required: ['name', 'value'],
  additionalProperties: false,
  id: 'Attribute',
  description: 'A field of the lead and the value it gets.',
  examples: [{ name: 'LastName', value: 'Doe' }],
});

function elementComplaints(element: unknown, at: number, complaints: Complaint[]): void {
  if (!isObject(element)) {
    complaints.push([[at], 'must be an object with name and value']);
    return;
  }
  const { name, value } = element;
  const complaint =
    typeof name === 'string' ? nameComplaint(name) : name === undefined ? 'is missing' : 'must be a string';
  if (complaint !== undefined) complaints.push([[at, 'name'], complaint]);
  if (!isSurelyValid(value)) {
    for (const message of valueComplaints(value)) complaints.push([[at, 'value'], message]);
  }
  for (const key of Object.keys(element)) {
    if (key === 'name' || key === 'value') continue;
    complaints.push([[at, key], 'is not a member of an attribute, which has only name and value']);
  }
}

/** The same as a list, for tools that cannot write a map, such as Power Automate. */
export const attributeList = z
  .array(attribute, {
    error: (issue) =>
      `must be a list of objects with name and value${isObject(issue.input) ? '; a map goes into attributes' : ''}`,
  })
  .max(MAX_ATTRIBUTES, { error: TOO_MANY })
  .superRefine((list: readonly unknown[], context) => {
    const complaints: Complaint[] = [];
    for (const [at, element] of list.entries()) elementComplaints(element, at, complaints);
    if (complaints.length > 0) context.addIssue({ code: 'custom', params: { complaints } });
  });

/** Refuses a name that is twice in the list, or in list and map, and too many attributes in both together. */
export function listComplaints(list: readonly unknown[], map: unknown): readonly Complaint[] {
  const complaints: Complaint[] = [];
  const mapped = isObject(map) ? map : {};
  if (list.length <= MAX_ATTRIBUTES && list.length + Object.keys(mapped).length > MAX_ATTRIBUTES) {
    complaints.push([['attributeList'], `${TOO_MANY}, including those of attributes`]);
  }
  const firstAt = new Map<string, number>();
  for (const [at, item] of list.entries()) {
    if (!isObject(item) || typeof item['name'] !== 'string') continue;
    const { name } = item as { name: string };
    const first = firstAt.get(name);
    const path = ['attributeList', at, 'name'];
    if (Object.hasOwn(mapped, name)) complaints.push([path, 'is also in attributes; give it once']);
    else if (first === undefined) firstAt.set(name, at);
    else complaints.push([path, `is given twice; it is already in attributeList/${first}`]);
  }
  return complaints;
}

/** Whether the list is too long to check each element: a body has room for half a million of them. */
export function hasTooLongList(body: unknown): body is Record<string, unknown> {
  if (!isObject(body)) return false;
  const { attributeList: list } = body;
  return Array.isArray(list) && list.length > MAX_ATTRIBUTES;
}

/**
 * Errors from the upstream side point into the map of attributes. If the caller sent an attribute in the list, the pointer is
 * changed to its place there; members that the caller did not send, such as a default workspace, are left out.
 */
// Express recognises error handlers by their four parameters.
export const pointIntoList: ErrorRequestHandler = (error: unknown, req, _res, next) => {
  // A lookup's pointers are to its parameters.
  deferIfMany(error, () => next(req.method === 'GET' ? error : pointAsSent(error, req.body)));
};

/** The same for an error and the body of its lead. */
export function pointAsSent(error: unknown, body: unknown): unknown {
  if (!(error instanceof GatewayError) || error.errors === undefined) return error;
  // Its pointers were made from the body.
  if (error.code === 'validation-failed') return error;
  const sent = (body ?? {}) as Readonly<Record<string, unknown>>;
  const places = placesIn(sent['attributeList']);
  const mapped = sent['attributes'] ?? {};
  const errors = error.errors
    .map((member) => ({ ...member, pointer: places.get(member.pointer) ?? member.pointer }))
    .filter(({ pointer }) =>
      pointer.startsWith(IN_MAP) ? Object.hasOwn(mapped, pathOf(pointer)[1] ?? '') : isSent(pointer, sent),
    );
  return error.with({ errors: errors.length > 0 ? errors : undefined });
}

const IN_MAP = '#/attributes/';

/** Pointer into the map → pointer to the same attribute in the list of a valid body. */
export function placesIn(list: unknown): ReadonlyMap<string, string> {
  const items = Array.isArray(list) ? (list as { name: string }[]) : [];
  return new Map(
    items.map(({ name }, at) => [
      memberPointer('attributes', name),
      memberPointer('attributeList', String(at), 'name'),
    ]),
  );
}

/** Whether the body has the first member of a pointer. */
function isSent(pointer: string, sent: Readonly<Record<string, unknown>>): boolean {
  const [, member = ''] = pointer.split('/', 2);
  return pointer === '#' || (Object.hasOwn(sent, member) && sent[member] !== null);
}
