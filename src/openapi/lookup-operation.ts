import { MAX_ID } from '../http/problems/problem.ts';
import { findLeadsResponse } from '../http/leads/schema.ts';
import { CALL_PROBLEMS } from './call-problems.ts';
import type { Operation, Parameter } from './operations.ts';

/** The query of a lookup; every parameter is optional, since exactly one key is given. */
const PARAMETERS: readonly Parameter[] = [
  {
    name: 'email',
    in: 'query',
    description: 'The email address, in any case.',
    example: 'jane@example.com',
    visibility: 'important',
  },
  {
    name: 'id',
    in: 'query',
    description: 'The Marketo id.',
    schema: { type: 'integer', format: 'int32', minimum: 1, maximum: MAX_ID },
    example: 1000000,
    title: 'Marketo Id',
  },
  {
    name: 'marketoCookie',
    in: 'query',
    description: 'The value of the _mkto_trk cookie: id:<munchkin id>&token:<token>, percent-encoded.',
    example: 'id:287-GTJ-838&token:_mch-marketo.com-1396310362214-46169',
    title: 'Munchkin Cookie',
  },
  {
    name: 'foreignSysPersonId',
    in: 'query',
    description: 'The id in another system; needs foreignSysType.',
    example: '0035x00001AbCdE',
    title: 'Foreign Id',
  },
  {
    name: 'foreignSysType',
    in: 'query',
    description:
      "The system foreignSysPersonId comes from; only together with it. Marketo's SOAP API looks up by SFDC alone.",
    schema: { type: 'string', enum: ['SFDC', 'CUSTOM', 'NETSUITE'] },
    example: 'SFDC',
    title: 'Foreign System',
  },
  {
    name: 'sfdcAccountId',
    in: 'query',
    description: 'The id of their account in Salesforce.',
    example: '0015x00002AbCdE',
    title: 'Salesforce Account',
  },
  {
    name: 'sfdcLeadOwnerId',
    in: 'query',
    description: 'The id of their owner in Salesforce.',
    example: '0055x00003AbCdE',
    title: 'Salesforce Owner',
  },
  {
    name: 'sfdcOpptyId',
    in: 'query',
    description: 'The id of an opportunity in Salesforce.',
    example: '0065x00004AbCdE',
    title: 'Salesforce Opportunity',
  },
  {
    name: 'fields',
    in: 'query',
    description: 'The attributes to return, with commas between their names; all if left out.',
    example: 'FirstName,LeadScore',
    visibility: 'important',
  },
  {
    name: 'Prefer',
    in: 'header',
    description: 'attributes=list asks for the attributes of each lead as a list as well (RFC 7240).',
    example: 'attributes=list',
  },
];

/** Looks leads up (docs/rest-api.md#get-leads). */
export const LOOKUP_OPERATION: Operation = {
  method: 'get',
  path: '/leads',
  operationId: 'findLeads',
  tag: 'leads',
  summary: 'Look leads up',
  description:
    'Returns every lead that has the key, or an empty list. Exactly one key; foreignSysPersonId needs foreignSysType. Not for publishable keys; needs the permission returnLead.',
  parameters: PARAMETERS,
  needsCaller: true,
  answers: {
    200: {
      description: 'The leads with the key, or an empty list.',
      headers: ['Server-Timing', 'Preference-Applied'],
      body: {
        mediaType: 'application/json',
        schema: findLeadsResponse,
        examples: {
          found: {
            summary: 'A lead has the key',
            value: {
              leads: [
                {
                  id: 1000000,
                  email: 'george@example.com',
                  foreignSysPersonId: null,
                  foreignSysType: null,
                  attributes: { FirstName: 'George', LeadScore: 62 },
                },
              ],
            },
          },
          none: { summary: 'No lead has the key', value: { leads: [] } },
        },
      },
    },
  },
  problems: [
    'unauthorized',
    'forbidden',
    'method-not-allowed',
    'validation-failed',
    'lead-rejected',
    'unknown-attribute',
    ...CALL_PROBLEMS,
  ],
};
