import type { Express, RequestHandler, Response } from 'express';
import type { LeadDirectory } from '../leads/lead.ts';
import { answerJson } from './answer.ts';
import { toResponse, toUpsertLead } from './contract.ts';
import { exchangeOf } from './exchange.ts';
import { invalidLead } from './invalid-lead.ts';
import { readJsonBody } from './json-body.ts';
import { route } from './route.ts';

/** `PUT /leads` (contract B). */
export function serveLeads(app: Express, directory: LeadDirectory): void {
  route(app, '/leads', { PUT: [readJsonBody, upsertLead(directory)] });
}

function upsertLead(directory: LeadDirectory): RequestHandler {
  return async (req, res) => {
    const parsed = toUpsertLead(req.body);
    if (!parsed.ok) throw invalidLead(parsed.errors);
    const { requestId } = exchangeOf(res);
    const result = await directory.upsert(parsed.command, { requestId, signal: callerLeft(res) });
    answerJson(res, result.status === 'CREATED' ? 201 : 200, toResponse(result));
  };
}

/** Aborts when the connection closes before the answer is out. */
function callerLeft(res: Response): AbortSignal {
  const controller = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) controller.abort();
  });
  return controller.signal;
}
