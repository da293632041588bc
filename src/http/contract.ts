import { z } from 'zod';
import type { AttributeValue, LeadAttribute, UpsertLead, UpsertResult } from '../leads/lead.ts';
import type { MemberError } from '../leads/errors.ts';
import { memberPointer } from '../leads/pointer.ts';
import { describeUncarriable, isCarriable, isLongerThan } from '../leads/text.ts';

/**
 * The REST contract (contract B) as zod schemas: what a caller may send, what it gets back. The OpenAPI document is
 * generated from them. Schemas are built once, when the module loads: building one costs more than a whole request.
 */

const MAX_ID = 2_147_483_647;
/** The members that can tell which lead is meant, strongest first. */
const LEAD_KEYS = ['id', 'foreignSysPersonId', 'marketoCookie', 'email'];
const MAX_ATTRIBUTES = 1000;
const TOO_MANY = `must have at most ${MAX_ATTRIBUTES} members`;
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

/** A string of `min` to `max` characters, counted as JSON Schema does, that XML can carry. */
function text(min: number, max: number) {
  return z
    .string({ error: 'must be a string' })
    .refine((value) => value.length >= min, { error: 'must not be empty' })
    .refine((value) => !isLongerThan(value, max), { error: `must have at most ${max} characters` })
    .superRefine(refuseUncarriable)
    .meta(min > 0 ? { minLength: min, maxLength: max } : { maxLength: max });
}

function refuseUncarriable(value: string, context: z.RefinementCtx): void {
  const complaint = describeUncarriable(value);
  if (complaint !== undefined) context.addIssue({ code: 'custom', message: complaint });
}

const attributeNumber = z.number().superRefine((value, context) => {
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    context.addIssue({
      code: 'custom',
      message: 'is an integer that JSON numbers cannot carry exactly; send it as a string',
    });
  }
});

const attributeValue = z.union([text(0, MAX_VALUE_LENGTH), attributeNumber, z.boolean(), z.null()], {
  error: (issue) =>
    typeof issue.input === 'number'
      ? 'is too large for a number; send it as a string'
      : 'must be a string, a number, true, false or null',
});

/**
 * Whether a value of an attribute is one that `attributeValue` takes, told without it, which tries four schemas for each.
 * False for what needs a closer look.
 */
function isSurelyValid(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return value.length <= MAX_VALUE_LENGTH && isCarriable(value);
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
  const uncarriable = describeUncarriable(name);
  return uncarriable === undefined ? undefined : `the attribute's name is not valid: ${uncarriable}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The map of attributes, walked by hand: zod's record passes over a `__proto__` member in silence, and does not look
 * at the value behind a name it refuses.
 */
const attributes = z
  .custom<Readonly<Record<string, AttributeValue>>>()
  .superRefine((value: unknown, context) => {
    if (!isObject(value)) {
      context.addIssue({ code: 'custom', message: 'must be an object of names and values' });
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
  .string({ error: 'must be a string' })
  .superRefine((name, context) => {
    const complaint = nameComplaint(name);
    if (complaint !== undefined) context.addIssue({ code: 'custom', message: complaint });
  })
  .meta({ minLength: 1, maxLength: MAX_NAME_LENGTH, not: { enum: RESERVED_NAMES } });

/** The same as the map of attributes for tools that cannot write a map, such as the screens of Power Automate. */
const attributeList = z
  .array(
    z
      .strictObject(
        {
          name: attributeName.meta({
            description: 'The name of the field, as the SOAP API spells it.',
            examples: ['FirstName'],
            visibility: 'important',
          }),
          value: attributeValue.meta({
            description: 'The value; null clears the field.',
            examples: ['Jane'],
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
      .meta({ id: 'Attribute', description: 'A field of the lead and the value it gets.' }),
    { error: 'must be a list of objects with name and value' },
  )
  .max(MAX_ATTRIBUTES, { error: TOO_MANY });

const foreignSysType = z.enum(['CUSTOM', 'SFDC', 'NETSUITE'], {
  error: 'must be one of CUSTOM, SFDC, NETSUITE',
});

/**
 * The Munchkin cookie as it goes on: percent-decoded where it is percent-encoded (contract B). A value that does not
 * decode is a raw one with a percent sign in it.
 */
function decodeCookie(value: string): string {
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

export const upsertLeadRequest = z
  .strictObject(
    {
      id: z
        .int({ error: 'must be an integer' })
        .min(1, { error: 'must be at least 1' })
        .max(MAX_ID, { error: `must be at most ${MAX_ID}` })
        .optional()
        .meta({
          description: 'The Marketo id of a lead that exists. The strongest key.',
          title: 'Marketo Id',
          visibility: 'advanced',
          examples: [1089965],
        }),
      email: z
        .string({ error: 'must be a string' })
        .max(255, { error: 'must have at most 255 characters' })
        .regex(z.regexes.html5Email, { error: 'must be an email address such as jane@example.com' })
        .optional()
        .meta({
          description: 'The email address; the weakest key.',
          visibility: 'important',
          format: 'email',
          examples: ['jane@example.com'],
        }),
      foreignSysPersonId: text(1, 255)
        .optional()
        .meta({
          description: 'The id of the person in another system; needs foreignSysType.',
          title: 'Foreign Id',
          visibility: 'advanced',
          examples: ['0035x00001AbCdE'],
        }),
      foreignSysType: foreignSysType.optional().meta({
        description: 'The system foreignSysPersonId comes from; only together with it.',
        title: 'Foreign System',
        visibility: 'advanced',
      }),
      marketoCookie: z
        .string({ error: 'must be a string' })
        .min(1, { error: 'must not be empty' })
        .superRefine((value, context) => refuseUncarriable(decodeCookie(value), context))
        .optional()
        .meta({
          description: 'The value of the _mkto_trk cookie, raw or percent-encoded.',
          title: 'Munchkin Cookie',
          visibility: 'advanced',
          examples: ['id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169'],
        }),
      attributes: attributes.optional().meta({
        description:
          'Field names and their values. null clears a field; numbers go as plain decimals, booleans as 1 and 0.',
        examples: [{ FirstName: 'Jane', LeadScore: 62, Unsubscribed: false }],
        title: 'Attributes As Object',
        visibility: 'advanced',
      }),
      attributeList: attributeList.optional().meta({
        description:
          'The same as a list, for tools without maps; after those of attributes. No name may be in both, or twice.',
        examples: [[{ name: 'FirstName', value: 'Jane' }]],
        title: 'Attributes',
        visibility: 'important',
      }),
      returnLead: z.boolean({ error: 'must be true or false' }).optional().meta({
        description: 'Whether the answer shall hold the complete updated lead; false when left out.',
        visibility: 'advanced',
      }),
      workspace: text(1, 255)
        .optional()
        .meta({
          description: 'The workspace a new lead goes to, where the subscription has workspaces.',
          visibility: 'advanced',
          examples: ['Default'],
        }),
    },
    {
      error: (issue) =>
        issue.code === 'unrecognized_keys' ? 'is not a member of a lead' : 'must be a JSON object',
    },
  )
  .superRefine(checkKeys, { when: () => true })
  .meta({
    id: 'Lead',
    description: `A lead to insert or update. At least one of ${LEAD_KEYS.join(', ')} tells which lead is meant.`,
    // What checkKeys says, in the words of JSON Schema. An anyOf of required members would say the same, but client
    // generators turn the whole type into `unknown` then.
    not: { properties: Object.fromEntries(LEAD_KEYS.map((key) => [key, false])) },
    dependentRequired: { foreignSysPersonId: ['foreignSysType'], foreignSysType: ['foreignSysPersonId'] },
  });

/**
 * The rules that bind members to each other. Runs although members are wrong as well, so that a caller learns of
 * everything at once.
 */
function checkKeys(lead: unknown, context: z.RefinementCtx): void {
  if (!isObject(lead)) return;
  const has = (member: string) => lead[member] !== undefined;
  const complain = (path: (string | number)[], message: string) =>
    context.addIssue({ code: 'custom', path, message });
  if (!LEAD_KEYS.some(has)) {
    complain([], `needs at least one of ${LEAD_KEYS.join(', ')} to tell which lead is meant`);
  }
  if (has('foreignSysPersonId') && !has('foreignSysType')) {
    complain(['foreignSysType'], 'is needed with foreignSysPersonId: one of CUSTOM, SFDC, NETSUITE');
  }
  if (has('foreignSysType') && !has('foreignSysPersonId')) {
    complain(['foreignSysType'], 'goes only with foreignSysPersonId, which is missing');
  }
  if (Array.isArray(lead['attributeList'])) checkList(lead['attributeList'], lead['attributes'], complain);
}

/** No attribute is given twice, be it in the list or in list and map; and there are not too many of both together. */
function checkList(
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

type ParsedRequest =
  | { readonly ok: true; readonly command: UpsertLead }
  | { readonly ok: false; readonly errors: readonly MemberError[] };

/**
 * Turns a parsed JSON body into a command, or into everything that is wrong with it, each with a pointer to its
 * member (contract B, `PUT /leads`). The order of the attributes is kept, those of the map before those of the list.
 */
export function toUpsertLead(body: unknown): ParsedRequest {
  if (hasTooLongList(body)) {
    // A body has room for half a million wrong elements; the length says enough about them.
    const rest = toUpsertLead({ ...body, attributeList: [] });
    const error = { pointer: memberPointer('attributeList'), detail: TOO_MANY };
    return { ok: false, errors: rest.ok ? [error] : [...rest.errors, error] };
  }
  const parsed = upsertLeadRequest.safeParse(body);
  if (!parsed.success) return { ok: false, errors: parsed.error.issues.flatMap(toMemberErrors) };
  const { id, email, foreignSysPersonId, foreignSysType: type, marketoCookie, workspace } = parsed.data;
  const command: UpsertLead = {
    ...(id !== undefined && { id }),
    ...(email !== undefined && { email }),
    ...(foreignSysPersonId !== undefined && type && { foreignKey: { id: foreignSysPersonId, type } }),
    ...(marketoCookie !== undefined && { marketoCookie: decodeCookie(marketoCookie) }),
    ...(workspace !== undefined && { workspace }),
    attributes: listOf(parsed.data.attributes).concat(parsed.data.attributeList ?? []),
    returnLead: parsed.data.returnLead ?? false,
  };
  return { ok: true, command };
}

/** Not by `Object.entries`, which makes a pair of each. */
function listOf(map: Readonly<Record<string, AttributeValue>> = {}): LeadAttribute[] {
  return Object.keys(map).map((name) => ({ name, value: map[name] ?? null }));
}

function hasTooLongList(body: unknown): body is Record<string, unknown> {
  if (!isObject(body)) return false;
  const { attributeList: list } = body;
  return Array.isArray(list) && list.length > MAX_ATTRIBUTES;
}

function toMemberErrors(issue: z.core.$ZodIssue): MemberError[] {
  const path = issue.path.map(String);
  const detail = issue.message;
  if (issue.code !== 'unrecognized_keys') return [{ pointer: memberPointer(...path), detail }];
  return issue.keys.map((key) => ({ pointer: memberPointer(...path, key), detail }));
}

const answeredValue = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const answeredAttribute = z
  .strictObject({
    name: z.string().meta({ description: 'The name of the field.' }),
    value: answeredValue.meta({ description: 'Its value, typed as the upstream types it.' }),
  })
  .meta({ id: 'AnsweredAttribute', description: 'A field of the lead and the value it has.' });

const leadRecord = z
  .strictObject({
    id: z.int().nullable().meta({ description: 'The Marketo id.' }),
    email: z.string().nullable().meta({ description: 'The email address.' }),
    foreignSysPersonId: z.string().nullable().meta({ description: 'The id in another system.' }),
    foreignSysType: z.string().nullable().meta({ description: 'The system that id comes from.' }),
    attributes: z
      .record(z.string(), answeredValue)
      .meta({ description: 'The fields that have a value, typed as the upstream types them.' }),
    attributeList: z
      .array(answeredAttribute)
      .optional()
      .meta({ description: 'The same as a list; only with the header Prefer: attributes=list.' }),
  })
  .meta({ id: 'LeadRecord', description: 'The complete lead after the call.' });

/** The body of a 202, which a publishable key gets: the same whether the lead was known or new. */
export const acceptedResponse = z
  .strictObject({
    status: z.literal('ACCEPTED').meta({ description: 'The lead was taken.' }),
  })
  .meta({ id: 'Accepted', description: 'The lead was taken, for a caller who is not told more.' });

/** The body of a 200 or 201 (contract B). */
export const upsertLeadResponse = z
  .strictObject({
    leadId: z.int().min(1).max(MAX_ID).meta({ description: 'The Marketo id of the lead.' }),
    status: z.enum(['CREATED', 'UPDATED', 'UNCHANGED']).meta({ description: 'What happened to the lead.' }),
    lead: leadRecord.optional().meta({ description: 'Only when returnLead was true.' }),
  })
  .meta({
    id: 'UpsertResult',
    examples: [{ leadId: 1089965, status: 'CREATED' }],
  });

/**
 * Writes a result as the body of the answer.
 *
 * @param asList whether the attributes are wanted as a list as well as in the map
 */
export function toResponse(result: UpsertResult, asList = false): z.infer<typeof upsertLeadResponse> {
  const { leadId, status, lead } = result;
  if (lead === undefined) return { leadId, status };
  // fromEntries defines members, so even an attribute named __proto__ stays one.
  const values = Object.fromEntries(lead.attributes.map(({ name, value }) => [name, value]));
  const list = asList && { attributeList: lead.attributes.map(({ name, value }) => ({ name, value })) };
  return { leadId, status, lead: { ...lead, attributes: values, ...list } };
}
