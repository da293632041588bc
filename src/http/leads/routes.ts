import { z } from 'zod';
import type { IRouter, RequestHandler, Response } from 'express';
import type { CallTiming, LeadDirectory, UpsertContext, UpsertResult } from '../../leads/lead.ts';
import { invalidLead, MAX_ID } from '../violations.ts';
import { createCancellation, type CancelSignal } from '../../runtime/cancellation.ts';
import type { Access } from '../authenticate.ts';
import { authorize } from '../../access/authorize.ts';
import { ANONYMOUS, hidesOutcome } from '../../access/principal.ts';
import { hideOutcome } from '../uniform-response.ts';
import { hideTiming } from '../cors.ts';
import { answerJson, setField } from '../respond.ts';
import { toUpsertLead } from './schema.ts';
import { contextOf, onFinished } from '../request-context.ts';
import { type BodyMemory, readJsonBody } from '../request-body.ts';
import { ATTRIBUTES_AS_LIST, pointIntoList, prefersList } from './attribute-list.ts';
import { route } from '../route.ts';
import { roundMs } from '../observe-requests.ts';

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
function toResponse(result: UpsertResult, asList = false): z.infer<typeof upsertLeadResponse> {
  const { leadId, status, lead } = result;
  if (lead === undefined) return { leadId, status };
  // fromEntries defines members, so even an attribute named __proto__ stays one.
  const values = Object.fromEntries(lead.attributes.map(({ name, value }) => [name, value]));
  const list = asList && { attributeList: lead.attributes.map(({ name, value }) => ({ name, value })) };
  return { leadId, status, lead: { ...lead, attributes: values, ...list } };
}

/** `PUT /leads` (contract B). */
export function serveLeads(
  app: IRouter,
  directory: LeadDirectory,
  { identify }: Pick<Access, 'identify'>,
  bodies: BodyMemory,
): void {
  route(app, '/leads', {
    PUT: [identify, tellTiming, readJsonBody(bodies), upsertLead(directory)],
  });
  app.use('/leads', pointIntoList);
}

function upsertLead(directory: LeadDirectory): RequestHandler {
  return async (req, res) => {
    const parsed = toUpsertLead(req.body);
    if (!parsed.ok) throw invalidLead(parsed.errors);
    const request = contextOf(res);
    const { requestId, trace, caller = ANONYMOUS } = request;
    const command = authorize(parsed.command, caller);
    const isMasked = hidesOutcome(caller);
    const context: UpsertContext = {
      requestId,
      trace,
      signal: callerLeft(res),
      report: (timing) => {
        request.timing = timing;
        if (!isMasked && !res.headersSent) setField(res, 'Server-Timing', serverTiming(timing));
      },
    };
    if (isMasked) {
      const hidden = await hideOutcome(() => directory.upsert(command, context));
      if (hidden !== undefined) request.maskedProblem = hidden;
      answerJson(res, 202, { status: 'ACCEPTED' });
      return;
    }
    const result = await directory.upsert(command, context);
    const asList = result.lead !== undefined && prefersList(req);
    if (asList) setField(res, 'Preference-Applied', ATTRIBUTES_AS_LIST);
    answerJson(res, result.status === 'CREATED' ? 201 : 200, toResponse(result, asList));
  };
}

/**
 * Every answer tells where the time went; a lead that is refused at the door has neither waited nor been sent. Only a
 * blind caller is not told: how long the upstream took may depend on whether it knew the person.
 */
const tellTiming: RequestHandler = (_req, res, next) => {
  const { caller = ANONYMOUS } = contextOf(res);
  if (hidesOutcome(caller)) hideTiming(res);
  else setField(res, 'Server-Timing', NO_TIME);
  next();
};

const NO_TIME = serverTiming({ waitMs: 0, upstreamMs: 0 });

/** Server Timing (W3C), in ms. */
function serverTiming({ waitMs, upstreamMs }: Pick<CallTiming, 'waitMs' | 'upstreamMs'>): string {
  return `wait;dur=${roundMs(waitMs)}, upstream;dur=${roundMs(upstreamMs)}`;
}

/** Aborts when the connection closes before the answer is out. */
function callerLeft(res: Response): CancelSignal {
  const { signal, cancel } = createCancellation();
  onFinished(res, () => {
    if (!res.writableFinished) cancel();
  });
  return signal;
}
