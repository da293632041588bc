import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { ErrorRequestHandler } from 'express';
import type { AttributeValue } from '../../leads/lead.ts';
import { describeInvalidCharacter, isXmlText, isLongerThan } from '../../text/xml-characters.ts';
import { isObject, refuseBy, text } from '../violations.ts';
import { GatewayError } from '../../leads/errors.ts';
import { memberPointer } from '../../text/json.ts';

/** The attributes of a lead, as a map and as a list: their schemas, and the rules that bind both. */

const MAX_ATTRIBUTES = 1000;
export const TOO_MANY = `must have at most ${MAX_ATTRIBUTES} members`;
const MAX_NAME_LENGTH = 255;
const MAX_VALUE_LENGTH = 65_535;

/** Names no attribute can have, in their usual spelling. */
const RESERVED_NAMES = ['Id', 'Email', 'ForeignSysPersonId', 'ForeignSysType'];

/** Members that have a place of their own; as attributes they would contradict it. Keys are in lower case. */
const KEY_MEMBERS: Readonly<Record<string, string>> = {
  id: 'id',
  email: 'email',
  foreignsyspersonid: 'foreignSysPersonId',
  foreignsystype: 'foreignSysType',
};

const attributeNumber = z.number().superRefine((value, context) => {
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    context.addIssue({
      code: 'custom',
      message: 'is an integer that JSON numbers cannot carry exactly; send it as a string',
    });
  }
});

const attributeValue = z.union([text(0, MAX_VALUE_LENGTH), attributeNumber, z.boolean(), z.null()], {
  error: ({ input }) => {
    if (input === undefined) return 'is missing; null clears the field';
    return typeof input === 'number'
      ? 'is too large for a number; send it as a string'
      : 'must be a string, a number, true, false or null';
  },
});

/**
 * Whether a value of an attribute is one that `attributeValue` takes, told without it, which tries four schemas for each.
 * False for what needs a closer look.
 */
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

/** What is wrong with an attribute's name; `undefined` when nothing is. */
function nameComplaint(name: string): string | undefined {
  if (name === '') return 'an attribute needs a name';
  if (isLongerThan(name, MAX_NAME_LENGTH)) {
    return `an attribute's name must have at most ${MAX_NAME_LENGTH} characters`;
  }
  const member = KEY_MEMBERS[name.toLowerCase()];
  if (member !== undefined && Object.hasOwn(KEY_MEMBERS, name.toLowerCase())) {
    return `is a key of the lead and no attribute; send it as the member ${member}`;
  }
  if (name === '__proto__') return 'is no name an attribute can have';
  const uncarriable = describeInvalidCharacter(name);
  return uncarriable === undefined ? undefined : `the attribute's name is not valid: ${uncarriable}`;
}

/**
 * The map of attributes, walked by hand: zod's record passes over a `__proto__` member in silence, and does not look
 * at the value behind a name it refuses.
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
    for (const name of names) {
      const raw = value[name];
      const complaint = nameComplaint(name);
      if (complaint !== undefined) context.addIssue({ code: 'custom', path: [name], message: complaint });
      if (isSurelyValid(raw)) continue;
      const parsed = attributeValue.safeParse(raw);
      if (parsed.success) continue;
      for (const { message } of parsed.error.issues) {
        context.addIssue({ code: 'custom', path: [name], message });
      }
    }
  })
  .meta({
    type: 'object',
    maxProperties: MAX_ATTRIBUTES,
    propertyNames: {
      minLength: 1,
      maxLength: MAX_NAME_LENGTH,
      not: { enum: RESERVED_NAMES },
    },
    additionalProperties: { type: ['string', 'number', 'boolean', 'null'], maxLength: MAX_VALUE_LENGTH },
  });

const attributeName = z
  .string({ error: ({ input }) => (input === undefined ? 'is missing' : 'must be a string') })
  .superRefine(refuseBy(nameComplaint))
  .meta({ minLength: 1, maxLength: MAX_NAME_LENGTH, not: { enum: RESERVED_NAMES } });

/** The same as the map of attributes for tools that cannot write a map, such as the screens of Power Automate. */
export const attributeList = z
  .array(
    z
      .strictObject(
        {
          name: attributeName.meta({
            description: 'The name of the field, as the SOAP API spells it.',
            examples: ['LastName'],
            visibility: 'important',
          }),
          value: attributeValue.meta({
            description: 'The value; null clears the field.',
            examples: ['Doe'],
            visibility: 'important',
          }),
        },
        {
          error: (issue) =>
            issue.code === 'unrecognized_keys'
              ? 'is not a member of an attribute, which has name and value'
              : 'must be an object with name and value',
        },
      )
      .meta({
        id: 'Attribute',
        description: 'A field of the lead and the value it gets.',
        examples: [{ name: 'LastName', value: 'Doe' }],
      }),
    {
      error: (issue) =>
        `must be a list of objects with name and value${isObject(issue.input) ? '; a map goes into attributes' : ''}`,
    },
  )
  .max(MAX_ATTRIBUTES, { error: TOO_MANY });

/** No attribute is given twice, be it in the list or in list and map; and there are not too many of both together. */
export function checkList(
  list: readonly unknown[],
  map: unknown,
  complain: (path: (string | number)[], message: string) => void,
): void {
  const mapped = isObject(map) ? map : {};
  if (list.length <= MAX_ATTRIBUTES && list.length + Object.keys(mapped).length > MAX_ATTRIBUTES) {
    complain(['attributeList'], `${TOO_MANY}, those of attributes counted as well`);
  }
  const firstAt = new Map<string, number>();
  for (const [at, item] of list.entries()) {
    if (!isObject(item) || typeof item['name'] !== 'string') continue;
    const { name } = item as { name: string };
    const first = firstAt.get(name);
    if (Object.hasOwn(mapped, name))
      complain(['attributeList', at, 'name'], 'is in attributes as well; give it once');
    else if (first === undefined) firstAt.set(name, at);
    else complain(['attributeList', at, 'name'], `is given twice; attributeList/${first} has it already`);
  }
}

/** Whether a body has room for half a million wrong elements, and uses it: the length says enough about them. */
export function hasTooLongList(body: unknown): body is Record<string, unknown> {
  if (!isObject(body)) return false;
  const { attributeList: list } = body;
  return Array.isArray(list) && list.length > MAX_ATTRIBUTES;
}

/** The one preference the gateway knows, as the answer confirms it. */
export const ATTRIBUTES_AS_LIST = 'attributes=list';

/** Nobody has so many preferences; more would take long to read. */
const MAX_LENGTH = 500;

/** Whether the caller prefers the attributes of the answer as a list, too (RFC 7240, 2); the first word counts. */
export function prefersList({ headers: { prefer } }: IncomingMessage): boolean {
  if (prefer === undefined) return false;
  // Node joins several headers of the name with commas.
  const given = Array.isArray(prefer) ? prefer.join(',') : prefer;
  if (given.length > MAX_LENGTH) return false;
  // A value may be quoted, and a quoted one may hold anything.
  const bare = given.replaceAll(/"(?:[^"\\]|\\.)*"/g, (quoted) => (quoted === '"list"' ? 'list' : '-'));
  const first = bare.split(',').find((preference) => /^\s*attributes\s*(?:[=;]|$)/i.test(preference));
  return first !== undefined && /^\s*attributes\s*=\s*list\s*(?:;|$)/i.test(first);
}

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
