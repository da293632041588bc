import type { Request, Response } from 'express';
import { ANONYMOUS, type Principal } from '../../../access/principal.ts';
import { GatewayError } from '../../../leads/errors.ts';
import type { UpsertResult } from '../../../leads/lead.ts';
import { inTurns } from '../../../runtime/in-turns.ts';
import type { LeadFields } from '../../../leads/fields.ts';
import type { Logger } from '../../../observability/logger.ts';
import type { BaseUrl } from '../../base-url.ts';
import type { TimeSlice } from '../../../runtime/time-slice.ts';
import { contextOf } from '../../request-context.ts';
import { respondStream } from '../../respond.ts';
import { pointAsSent } from '../attribute-list.ts';
import { suggestFor } from '../suggestions.ts';
import { faultIn, leadsIn } from './elements.ts';
import { LIST } from './form.ts';
import { batchLead, type CheckedLead, readLead } from './lead.ts';
import { createResultWriter } from './results.ts';
import type { BatchLead } from './run.ts';

/** Parses all leads before the first is taken in: what is not JSON is refused as a whole. */
export async function readList(
  bytes: Buffer,
  caller: Principal,
  slice: TimeSlice,
): Promise<readonly BatchLead<CheckedLead>[]> {
  const leads: BatchLead<CheckedLead>[] = [];
  let done = 0;
  // What came before, and the first leads of a process, take longest: other events are handled between them.
  await slice.next();
  await slice.next();
  for (const lead of leadsIn(bytes)) {
    if (lead !== undefined) {
      const read = readLead(lead, caller);
      const checked = read instanceof Promise ? await read : read;
      if ('refusal' in checked && checked.refusal.code === 'malformed-json')
        throw await inTurns(faultIn(bytes, lead));
      const { work } = batchLead(checked, lead.length);
      // Its bytes are booked with the body.
      leads.push({ lead: checked, bytes: 0, work });
      done += work + LEAD_WORK;
    }
    if (lead === undefined || done >= SLICE || slice.isUsedUp()) {
      done = 0;
      await slice.next();
    }
  }
  return leads;
}

/** What is parsed before other requests run, in bytes; a lead costs at least as much as LEAD_WORK of them. */
const SLICE = 32_768;
const LEAD_WORK = 1024;

export type ListDeps = {
  readonly fields: Pick<LeadFields, 'known'> | null;
  readonly logger: Logger;
  readonly baseUrl: BaseUrl;
  readonly slice: TimeSlice;
};

/** Answers with results that are all there. */
export async function respondResults(
  deps: ListDeps,
  req: Request,
  res: Response,
  leads: readonly BatchLead<CheckedLead>[],
  answers: readonly (UpsertResult | GatewayError)[],
): Promise<void> {
  const { requestId, caller = ANONYMOUS } = contextOf(res);
  const { logger, fields, slice } = deps;
  const results = createResultWriter({ logger, requestId, baseUrl: deps.baseUrl(req), asList: false });
  const write = (answer: UpsertResult | GatewayError, index: number) => {
    if (!(answer instanceof GatewayError)) return results.stored(index, answer);
    const lead = leads[index]?.lead;
    const body = lead !== undefined && 'body' in lead ? lead.body : undefined;
    return results.problem(index, pointAsSent(suggestFor(answer, caller, fields), body));
  };
  respondStream(res, 200, LIST.contentType);
  let text = LIST.start;
  slice.begin();
  for (const [index, answer] of answers.entries()) {
    text += index === 0 ? write(answer, index) : LIST.between + write(answer, index);
    if (text.length < PIECE && !slice.isUsedUp()) continue;
    if (res.destroyed) return;
    // Its reader waits for it anyway, and the answers are in memory: not to wait for the reader costs no more.
    res.write(text);
    text = '';
    await slice.next();
  }
  res.end(text + LIST.end);
}

/** Characters of results that are written at a time. */
const PIECE = 65_536;
