import type { Express, RequestHandler, Response } from 'express';
import type { CallTiming, LeadDirectory } from '../leads/lead.ts';
import { answerJson } from './answer.ts';
import { toResponse, toUpsertLead } from './contract.ts';
import { exchangeOf } from './exchange.ts';
import { invalidLead } from './invalid-lead.ts';
import { readJsonBody } from './json-body.ts';
import { route } from './route.ts';

/** `PUT /leads` (contract B). */
export function serveLeads(app: Express, directory: LeadDirectory): void {
  route(app, '/leads', { PUT: [tellTiming, readJsonBody, upsertLead(directory)] });
}

function upsertLead(directory: LeadDirectory): RequestHandler {
  return async (req, res) => {
    const parsed = toUpsertLead(req.body);
    if (!parsed.ok) throw invalidLead(parsed.errors);
    const { requestId } = exchangeOf(res);
    const result = await directory.upsert(parsed.command, {
      requestId,
      signal: callerLeft(res),
      report: (timing) => {
        exchangeOf(res).timing = timing;
        if (!res.headersSent) res.setHeader('Server-Timing', serverTiming(timing));
      },
    });
    answerJson(res, result.status === 'CREATED' ? 201 : 200, toResponse(result));
  };
}

/** Every answer tells where the time went; a lead that is refused at the door has neither waited nor been sent. */
const tellTiming: RequestHandler = (_req, res, next) => {
  res.setHeader('Server-Timing', serverTiming({ waitMs: 0, upstreamMs: 0 }));
  next();
};

/** Server Timing (W3C), in ms. */
function serverTiming({ waitMs, upstreamMs }: Pick<CallTiming, 'waitMs' | 'upstreamMs'>): string {
  return `wait;dur=${tenths(waitMs)}, upstream;dur=${tenths(upstreamMs)}`;
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}

/** Aborts when the connection closes before the answer is out. */
function callerLeft(res: Response): AbortSignal {
  const controller = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) controller.abort();
  });
  return controller.signal;
}
