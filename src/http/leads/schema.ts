import { z } from 'zod';
import { isPlaceholder } from '../../leads/placeholder.ts';
import { isXmlText } from '../../text/xml-characters.ts';
import { isObject, MAX_ID, refuseBy, text } from '../problems/problem.ts';
import { attributeList, attributes, listComplaints } from './attribute-list.ts';
import { cookieComplaint, EMAIL_PATTERN, emailComplaint, MAX_EMAIL_LENGTH } from './identifiers.ts';

/*
 * What a caller may send and gets back (docs/rest-api.md#put-leads), as zod schemas; the OpenAPI documents are generated
 * from them. They are built once, when the module loads: building one costs more than a request. A member that is null
 * counts as left out, since many languages and low-code tools send every member.
 */

/** The members that identify a lead, strongest first. */
const LEAD_KEYS = ['id', 'foreignSysPersonId', 'marketoCookie', 'email'];

const foreignSysType = z.enum(['CUSTOM', 'SFDC', 'NETSUITE'], {
  error: 'must be one of CUSTOM, SFDC, NETSUITE',
});

function placeholderComplaint(id: string): string | undefined {
  // A character that XML cannot carry is told already.
  return id !== '' && isXmlText(id) && isPlaceholder(id)
    ? 'is a placeholder, not an id; leave foreignSysPersonId and foreignSysType out if there is none'
    : undefined;
}

/** An empty cookie counts as none: a page reads that when the browser blocks cookies. */
function isNoCookie(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

const TOO_SMALL = 'must be at least 1';
const TOO_LARGE = `must be at most ${MAX_ID}`;

/** Of an id that is not an integer, or not a safe one. */
function idComplaint({ input }: { readonly input: unknown }): string {
  if (Number.isInteger(input)) return Number(input) < 0 ? TOO_SMALL : TOO_LARGE;
  return `must be an integer${typeof input === 'string' ? ', without quotes' : ''}`;
}

export const upsertLeadRequest = z
  .strictObject(
    {
      id: z
        .int({ error: idComplaint, abort: true })
        .min(1, { error: TOO_SMALL })
        .max(MAX_ID, { error: TOO_LARGE })
        .nullish()
        .meta({
          description: 'The Marketo id of an existing lead. The strongest key.',
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
          description: 'The email address; the weakest key. Its domain may be international.',
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
            'The value of the _mkto_trk cookie, raw or percent-encoded: id:<munchkin id>&token:<token>. Empty means none.',
          title: 'Munchkin Cookie',
          visibility: 'advanced',
          examples: ['id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169'],
        }),
      attributes: attributes.nullish().meta({
        description:
          'Field names and their values. null clears a field; numbers are sent as plain decimals, booleans as 1 and 0.',
        examples: [{ FirstName: 'Jane', LeadScore: 62, Unsubscribed: false }],
        title: 'Attributes As Object',
        visibility: 'advanced',
      }),
      attributeList: attributeList.nullish().meta({
        description:
          'The same as a list, for tools that cannot write a map. No name may appear twice or in both.',
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
          description: 'Whether the response includes the complete updated lead; default false.',
          visibility: 'advanced',
        }),
      workspace: text(1, 255)
        .nullish()
        .meta({
          description: 'The workspace a new lead goes to, if the subscription has workspaces.',
          visibility: 'advanced',
          examples: ['Default'],
        }),
    },
    {
      error: (issue) =>
        issue.code === 'unrecognized_keys' ? 'is not a member of a lead' : describeNonObject(issue.input),
    },
  )
  .superRefine(checkKeys, { when: () => true })
  .meta({
    id: 'Lead',
    description: `A lead to insert or update. At least one of ${LEAD_KEYS.join(', ')} tells which lead is meant.`,
    // What checkKeys says, as JSON Schema. An anyOf of required members would say the same, but then client generators
    // turn the whole type into `unknown`.
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

/** The schema of a lead that has one member without the other. */
function alone(member: string, other: string): object {
  return {
    required: [member],
    properties: { [member]: { type: 'string' }, [other]: { type: 'null' } },
  };
}

/** Rules between members. Also runs when members are invalid, so that a caller learns about everything at once. */
function checkKeys(lead: unknown, context: z.RefinementCtx): void {
  if (!isObject(lead)) return;
  const has = (member: string) => lead[member] !== undefined && lead[member] !== null;
  const complain = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
  if (!LEAD_KEYS.some((key) => (key === 'marketoCookie' ? !isNoCookie(lead[key]) : has(key)))) {
    const blocked =
      lead['marketoCookie'] === ''
        ? '; marketoCookie is empty, as when the browser blocks the cookie, so send another key with it'
        : '';
    complain([], `needs at least one of ${LEAD_KEYS.join(', ')} to tell which lead is meant${blocked}`);
  }
  if (has('foreignSysPersonId') && !has('foreignSysType')) {
    complain(['foreignSysType'], 'is required with foreignSysPersonId: one of CUSTOM, SFDC, NETSUITE');
  }
  if (has('foreignSysType') && !has('foreignSysPersonId')) {
    complain(['foreignSysType'], 'may only be sent with foreignSysPersonId, which is missing');
  }
  if (!Array.isArray(lead['attributeList'])) return;
  const complaints = listComplaints(lead['attributeList'], lead['attributes']);
  if (complaints.length > 0) context.addIssue({ code: 'custom', params: { complaints } });
}

/** For a caller that sends several leads at once. */
export const ONE_LEAD = 'a request holds one lead; PUT /leads/batch takes many';

/** What is wrong with a body that is not an object. */
function describeNonObject(body: unknown): string {
  const wanted = 'must be a JSON object such as {"email":"jane@example.com"}';
  if (Array.isArray(body)) return `must be a JSON object, not a list: ${ONE_LEAD}`;
  if (typeof body !== 'string') return `${wanted}, but is ${JSON.stringify(body)}`;
  const isEncoded = /^\s*[[{"]/.test(body);
  return isEncoded
    ? `${wanted}, but is a string that contains JSON: it was encoded twice`
    : `${wanted}, but is a string`;
}

const returnedValue = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const returnedAttribute = z
  .strictObject({
    name: z.string().meta({ description: 'The name of the field.' }),
    value: returnedValue.meta({ description: 'Its value, typed as the upstream types it.' }),
  })
  .meta({
    id: 'AnsweredAttribute',
    description: 'A field of the lead and the value it has.',
    examples: [{ name: 'LeadScore', value: 62 }],
  });

export const leadRecord = z
  .strictObject({
    id: z.int().min(1).max(MAX_ID).nullable().meta({ description: 'The Marketo id.' }),
    email: z.string().nullable().meta({ description: 'The email address.' }),
    foreignSysPersonId: z.string().nullable().meta({ description: 'The id in another system.' }),
    foreignSysType: z.string().nullable().meta({ description: 'The system that id comes from.' }),
    attributes: z
      .record(z.string(), returnedValue)
      .meta({ description: 'The fields that have a value, typed as the upstream types them.' }),
    attributeList: z
      .array(returnedAttribute)
      .optional()
      .meta({ description: 'The same as a list; only with the header Prefer: attributes=list.' }),
  })
  .meta({
    id: 'LeadRecord',
    description: 'A lead as it is in Marketo.',
    examples: [
      {
        id: 1000000,
        email: 'george@example.com',
        foreignSysPersonId: '0035x00001AbCdE',
        foreignSysType: 'SFDC',
        attributes: { FirstName: 'George', LeadScore: 62, Unsubscribed: false },
      },
    ],
  });

/** The body of a 202, the uniform response of publishable keys. */
export const acceptedResponse = z
  .strictObject({
    status: z.literal('ACCEPTED').meta({ description: 'The lead was accepted.' }),
    receipt: z
      .string()
      .optional()
      .meta({
        description:
          'The path that tells what became of the lead, if the gateway keeps it and the key may know.',
        examples: ['/receipts/Jq3vX0m2Z1r9cQkT7yB4Wg'],
      }),
  })
  .meta({
    id: 'Accepted',
    description: 'The lead was accepted; a publishable key is not told more.',
    examples: [{ status: 'ACCEPTED' }],
  });

/** The body of a 200 or 201. */
export const upsertLeadResponse = z
  .strictObject({
    leadId: z.int().min(1).max(MAX_ID).meta({ description: 'The Marketo id of the lead.' }),
    status: z.enum(['CREATED', 'UPDATED', 'UNCHANGED']).meta({ description: 'What happened to the lead.' }),
    lead: leadRecord.optional().meta({ description: 'Only when returnLead was true.' }),
  })
  .meta({
    id: 'UpsertResult',
    description: 'What became of the lead.',
    examples: [{ leadId: 1000001, status: 'CREATED' }],
  });

/** The body of a 200 of a lookup. */
export const findLeadsResponse = z
  .strictObject({
    leads: z
      .array(leadRecord)
      .meta({ description: 'Every lead with the key; an empty list if no lead has it.' }),
  })
  .meta({
    id: 'FoundLeads',
    description: 'The leads that a lookup has found.',
    examples: [{ leads: [] }],
  });
