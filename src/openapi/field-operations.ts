import { fieldsResponse } from '../http/leads/fields-schema.ts';
import { CALL_PROBLEMS } from './call-problems.ts';
import type { Operation } from './operations.ts';

/** What fields leads have (docs/rest-api.md#get-leadsfields). */
export const LIST_FIELDS: Operation = {
  method: 'get',
  path: '/leads/fields',
  operationId: 'listFields',
  tag: 'leads',
  summary: 'List the fields of leads',
  description:
    'The fields that the caller may write, by the names that attributes have. Not for publishable keys. Marketo is asked once a day, or when a lead has a field that is not in the list.',
  parameters: [
    {
      name: 'readOnly',
      in: 'query',
      description: 'false lists the fields that can be written, true the others.',
      schema: { type: 'boolean' },
      example: false,
    },
    {
      name: 'If-None-Match',
      in: 'header',
      description: 'The ETag of an earlier response: 304 if the fields are still the same (RFC 9110).',
      example: 'W/"BxY1qSPVcbzVjB1XVWuNlIcRyZ0"',
    },
  ],
  needsCaller: true,
  answers: {
    200: {
      description: 'The fields.',
      headers: ['ETag', 'Cache-Control'],
      body: {
        mediaType: 'application/json',
        schema: fieldsResponse,
        examples: {
          fields: {
            summary: 'Two fields',
            value: {
              fields: [
                {
                  name: 'FirstName',
                  title: 'First Name',
                  type: 'string',
                  maxLength: 255,
                  readOnly: false,
                  custom: false,
                },
                {
                  name: 'LeadScore',
                  title: 'Lead Score',
                  type: 'integer',
                  maxLength: null,
                  readOnly: false,
                  custom: false,
                },
              ],
              asOf: '2026-11-27T00:00:00.000Z',
            },
          },
        },
      },
    },
    304: {
      description: 'The fields are those of the response with this ETag.',
      headers: ['ETag', 'Cache-Control'],
      body: null,
    },
  },
  problems: ['unauthorized', 'forbidden', 'method-not-allowed', 'validation-failed', ...CALL_PROBLEMS],
};
