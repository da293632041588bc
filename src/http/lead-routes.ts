import type { IRouter, RequestHandler, Response } from 'express';
import type { CallTiming, LeadDirectory, UpsertContext } from '../leads/lead.ts';
import { createWithdrawal, type WithdrawalSignal } from '../leads/withdrawal.ts';
import type { Access } from './access.ts';
import { authorize } from './access/authorize.ts';
import { ANONYMOUS, isBlind } from './access/caller.ts';
import { writeBlindly } from './access/blind.ts';
import { hideTiming } from './access/cors.ts';
import { answerJson } from './answer.ts';
import { toResponse } from './contract/answer.ts';
import { toUpsertLead } from './contract.ts';
import { exchangeOf, whenOver } from './exchange.ts';
import { setField } from './head.ts';
import type { HeldBodies } from './held-bodies.ts';
import { invalidLead } from './invalid-lead.ts';
import { readJsonBody } from './json-body.ts';
import { pointIntoList } from './list-pointers.ts';
import { ATTRIBUTES_AS_LIST, prefersList } from './prefer.ts';
import { route } from './route.ts';
import { tenths } from './tenths.ts';

/** `PUT /leads` (contract B). */
export function serveLeads(
  app: IRouter,
  directory: LeadDirectory,
  { identify }: Pick<Access, 'identify'>,
  bodies: HeldBodies,
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
    const exchange = exchangeOf(res);
    const { requestId, trace, caller = ANONYMOUS } = exchange;
    const command = authorize(parsed.command, caller);
    const blind = isBlind(caller);
    const context: UpsertContext = {
      requestId,
      trace,
      signal: callerLeft(res),
      report: (timing) => {
        exchange.timing = timing;
        if (!blind && !res.headersSent) setField(res, 'Server-Timing', serverTiming(timing));
      },
    };
    if (blind) {
      const hidden = await writeBlindly(() => directory.upsert(command, context));
      if (hidden !== undefined) exchange.hiddenProblem = hidden;
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
  const { caller = ANONYMOUS } = exchangeOf(res);
  if (isBlind(caller)) hideTiming(res);
  else setField(res, 'Server-Timing', NO_TIME);
  next();
};

const NO_TIME = serverTiming({ waitMs: 0, upstreamMs: 0 });

/** Server Timing (W3C), in ms. */
function serverTiming({ waitMs, upstreamMs }: Pick<CallTiming, 'waitMs' | 'upstreamMs'>): string {
  return `wait;dur=${tenths(waitMs)}, upstream;dur=${tenths(upstreamMs)}`;
}

/** Aborts when the connection closes before the answer is out. */
function callerLeft(res: Response): WithdrawalSignal {
  const { signal, withdraw } = createWithdrawal();
  whenOver(res, () => {
    if (!res.writableFinished) withdraw();
  });
  return signal;
}
