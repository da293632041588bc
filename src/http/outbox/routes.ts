import type { IRouter, Request, RequestHandler } from 'express';
import { GatewayError } from '../../leads/errors.ts';
import type { OutboxAdministration } from '../../leads/outbox.ts';
import type { Access } from '../authenticate.ts';
import type { BaseUrl } from '../base-url.ts';
import type { BodyMemory } from '../body-memory.ts';
import { neverStore } from '../ops/files.ts';
import { searchOf } from '../query.ts';
import { readJsonBody } from '../request-body.ts';
import { respondJson } from '../respond.ts';
import { route } from '../route.ts';
import { toCounts, toForgotten, toLead, toPage } from './answers.ts';
import { toForget, toOutboxQuery, toRetry } from './requests.ts';

export type OutboxRouteDeps = {
  readonly administration: OutboxAdministration;
  readonly access: Pick<Access, 'forOutbox'>;
  readonly bodyMemory: BodyMemory;
  readonly baseUrl: BaseUrl;
};

/** What the operator does with the outbox (docs/outbox.md#administration). */
export function serveOutbox(app: IRouter, deps: OutboxRouteDeps): void {
  const { administration, access, bodyMemory, baseUrl } = deps;
  const read = [neverStore, access.forOutbox];
  const readBody = [...read, readJsonBody(bodyMemory)];
  route(app, '/outbox', { GET: [...read, answer(async () => toCounts(await administration.counts()))] });
  route(app, '/outbox/leads', {
    GET: [
      ...read,
      answer(async (req) => toPage(await administration.list(toOutboxQuery(searchOf(req))), baseUrl(req))),
    ],
  });
  route(app, '/outbox/leads/:id', {
    GET: [
      ...read,
      answer(async (req) => {
        const lead = await administration.lead(idOf(req));
        if (lead === undefined) throw unknownLead();
        return toLead(lead, baseUrl(req));
      }),
    ],
    DELETE: [
      ...read,
      answer(async (req) => {
        if (!(await administration.discard(idOf(req)))) throw unknownLead();
        return { discarded: 1 };
      }),
    ],
  });
  route(app, '/outbox/leads/:id/retry', {
    POST: [
      ...read,
      answer(async (req) => {
        const ended = await administration.retry(idOf(req));
        if (ended === 'unknown') throw unknownLead();
        if (ended === 'delivered') throw deliveredAlready();
        return { retried: 1 };
      }),
    ],
  });
  route(app, '/outbox/retry', {
    POST: [
      ...readBody,
      answer(async (req) => ({ retried: await administration.retryFailed(toRetry(req.body)) })),
    ],
  });
  route(app, '/outbox/forget', {
    POST: [...readBody, answer(async (req) => toForgotten(await administration.forget(toForget(req.body))))],
  });
}

function answer(bodyOf: (req: Request) => Promise<unknown>): RequestHandler {
  return async (req, res) => respondJson(res, 200, await bodyOf(req));
}

function idOf({ params }: Request): string {
  const { id } = params;
  return typeof id === 'string' ? id : '';
}

function unknownLead(): GatewayError {
  return new GatewayError('not-found', {
    detail: 'The outbox has no lead with this id: it never had, or the lead was removed or its time is over.',
  });
}

function deliveredAlready(): GatewayError {
  return new GatewayError('validation-failed', {
    detail: 'This lead is delivered already; only pending and failed leads can be tried again.',
  });
}
