import { z } from 'zod';
import { MAX_INT32 } from '../../../text/int32.ts';
import { problemDocument } from '../../problems/problem.ts';
import { acceptedResponse, leadRecord, upsertLeadRequest, upsertLeadResponse } from '../schema.ts';
import { MAX_LEADS } from './elements.ts';

/** The body of `PUT /leads/batch` as JSON. */
export const batchRequest = z
  .strictObject({
    leads: z
      .array(upsertLeadRequest)
      .min(1)
      .max(MAX_LEADS)
      .meta({ description: 'The leads, in their order.' }),
  })
  .meta({ id: 'LeadBatch', description: 'Many leads.' });

/** Of a lead, in results and in the receipt of its batch. */
export const batchIndex = z
  .int()
  .min(0)
  .max(MAX_INT32)
  .meta({ description: 'Which lead of the batch it is, counted from 0.' });

const batchResult = z
  .strictObject({
    index: batchIndex,
    status: z.int().min(200).max(599).meta({ description: 'The status of the same lead by PUT /leads.' }),
    leadId: upsertLeadResponse.shape.leadId.optional().meta({ description: 'The Marketo id of the lead.' }),
    result: upsertLeadResponse.shape.status.optional().meta({ description: 'What happened to the lead.' }),
    lead: leadRecord.optional().meta({ description: 'Only when returnLead was true.' }),
    receipt: acceptedResponse.shape.receipt,
    problem: problemDocument.optional().meta({ description: 'Why the lead was not stored.' }),
    retryAfter: z
      .int()
      .min(1)
      .max(MAX_INT32)
      .optional()
      .meta({ description: 'Seconds after which to send the lead again, if known.' }),
  })
  .meta({ id: 'BatchResult', description: 'What became of one lead of a batch.' });

/** The body of a 200 of `PUT /leads/batch` as JSON. */
export const batchResponse = z
  .strictObject({
    results: z.array(batchResult).meta({ description: 'One result per lead, in their order.' }),
  })
  .meta({ id: 'BatchResults', description: 'What became of the leads of a batch.' });
