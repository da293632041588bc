import { z } from 'zod';
import type { UpsertResult } from '../../leads/lead.ts';
import { MAX_ID } from './members.ts';

/** What the gateway answers, as zod schemas (contract B). */

const answeredValue = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const answeredAttribute = z
  .strictObject({
    name: z.string().meta({ description: 'The name of the field.' }),
    value: answeredValue.meta({ description: 'Its value, typed as the upstream types it.' }),
  })
  .meta({
    id: 'AnsweredAttribute',
    description: 'A field of the lead and the value it has.',
    examples: [{ name: 'LeadScore', value: 62 }],
  });

const leadRecord = z
  .strictObject({
    id: z.int().min(1).max(MAX_ID).nullable().meta({ description: 'The Marketo id.' }),
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
  .meta({
    id: 'LeadRecord',
    description: 'The complete lead after the call.',
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

/** The body of a 202, which a publishable key gets: the same whether the lead was known or new. */
export const acceptedResponse = z
  .strictObject({
    status: z.literal('ACCEPTED').meta({ description: 'The lead was taken.' }),
  })
  .meta({
    id: 'Accepted',
    description: 'The lead was taken, for a caller who is not told more.',
    examples: [{ status: 'ACCEPTED' }],
  });

/** The body of a 200 or 201 (contract B). */
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
