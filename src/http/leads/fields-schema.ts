import { z } from 'zod';
import { MAX_INT32 } from '../../text/int32.ts';

const leadField = z
  .strictObject({
    name: z.string().meta({ description: 'The name, as attributes have it.' }),
    title: z.string().meta({ description: 'The name for people.' }),
    type: z.string().meta({
      description: 'The type of its values: string, integer, boolean, datetime, … as Marketo calls it.',
    }),
    maxLength: z
      .int()
      .min(1)
      .max(MAX_INT32)
      .nullable()
      .meta({ description: 'The most characters a value may have; null if Marketo does not say.' }),
    readOnly: z.boolean().meta({ description: 'Whether Marketo keeps it from being written.' }),
    custom: z.boolean().meta({ description: 'Whether it is a field of this subscription only.' }),
  })
  .meta({
    id: 'LeadField',
    description: 'A field of leads.',
    examples: [
      {
        name: 'FirstName',
        title: 'First Name',
        type: 'string',
        maxLength: 255,
        readOnly: false,
        custom: false,
      },
    ],
  });

/** The body of `GET /leads/fields` (docs/rest-api.md#get-leadsfields). */
export const fieldsResponse = z
  .strictObject({
    fields: z.array(leadField).meta({ description: 'The fields that the caller may write.' }),
    asOf: z.string().meta({
      description: 'When Marketo was asked for them.',
      format: 'date-time',
      examples: ['2026-11-27T00:00:00.000Z'],
    }),
  })
  .meta({
    id: 'LeadFields',
    description: 'The fields that the caller may write.',
    examples: [{ fields: [], asOf: '2026-11-27T00:00:00.000Z' }],
  });

const warning = z
  .strictObject({
    pointer: z.string().meta({
      description: 'A JSON pointer to the member, as a URI fragment; # is the lead itself.',
      examples: ['#/attributes/LeadScore'],
    }),
    detail: z.string().meta({ description: 'What may be wrong with the member.' }),
  })
  .meta({ id: 'LeadWarning', description: 'A member that Marketo may refuse or change.' });

/** The body of `PUT /leads?dryRun=true` (docs/rest-api.md#dry-run). */
export const dryRunResponse = z
  .strictObject({
    valid: z.boolean().meta({ description: 'Nothing is known for which the lead would be refused.' }),
    warnings: z.array(warning).meta({ description: 'What may be wrong all the same.' }),
  })
  .meta({
    id: 'DryRunResult',
    description: 'What a dry run has found.',
    examples: [{ valid: true, warnings: [] }],
  });
