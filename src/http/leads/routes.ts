import type { IRouter, NextFunction, Request, RequestHandler, Response } from 'express';
import { ANONYMOUS, authorize, hidesOutcome, refusePublishable } from '../../access/principal.ts';
import type { MemberError } from '../../leads/errors.ts';
import type { LeadFields } from '../../leads/fields.ts';
import type { LeadDirectory, UpsertContext, UpsertLead, UpsertResult } from '../../leads/lead.ts';
import type { AcceptedLead, AcceptRequest } from '../../leads/outbox.ts';
import type { LeadFinder } from '../../leads/lookup.ts';
import type { Clock } from '../../runtime/clock.ts';
import { createTimeSlice } from '../../runtime/time-slice.ts';
import type { Access } from '../authenticate.ts';
import type { BodyMemory } from '../body-memory.ts';
import { answerBrowsers } from '../forms/answer.ts';
import { createTrap } from '../forms/honeypot.ts';
import { parsePostedBody, pointIntoPosted, readPostedBody } from '../forms/form-body.ts';
import { readJsonBody } from '../request-body.ts';
import { contextOf } from '../request-context.ts';
import { respondJson, setHeader } from '../respond.ts';
import { route } from '../route.ts';
import { invalidLead } from '../problems/problem.ts';
import {
  type AcceptDeps,
  acceptLead,
  checkAcceptable,
  type DeliveryMode,
  deliveryModeOf,
  idempotencyKeyIn,
  NOW,
  ownerOf,
  respondAccepted,
} from './accept.ts';
import { placesIn, pointIntoList } from './attribute-list.ts';
import { commandContext } from './command-context.ts';
import { isDryRun, respondDryRun } from './dry-run.ts';
import { findLeads } from './find.ts';
import { suggestFields } from './suggestions.ts';
import { toResponse, toUpsertLead } from './mapping.ts';
import { ATTRIBUTES_AS_LIST, prefersList } from './preferences.ts';
import type { UniformResponses } from './uniform-response.ts';

export type LeadRouteDeps = {
  readonly directory: LeadDirectory;
  readonly finder: LeadFinder;
  readonly access: Pick<Access, 'identify' | 'identifyPoster' | 'checkSignature'>;
  readonly bodyMemory: BodyMemory;
  readonly uniformResponses: UniformResponses;
  /** Null: no lead is kept to be delivered later. */
  readonly accepting: AcceptDeps | null;
  /** Null: the upstream cannot tell its fields. */
  readonly fields: LeadFields | null;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
};

/**
 * `PUT /leads` (docs/rest-api.md#put-leads), the same by POST (docs/forms.md), and `GET /leads`
 * (docs/rest-api.md#get-leads).
 */
export function serveLeads(app: IRouter, deps: LeadRouteDeps): void {
  const { access, bodyMemory, fields } = deps;
  const upsert = upsertLead(deps);
  const takeTurn = spreadKept(deps);
  route(app, '/leads', {
    GET: [access.identify, showTiming, findLeads(deps.finder)],
    PUT: [access.identify, showTiming, takeTurn, readJsonBody(bodyMemory), upsert],
    POST: [
      answerBrowsers,
      access.identifyPoster,
      showTiming,
      takeTurn,
      readPostedBody(bodyMemory),
      parsePostedBody(access.checkSignature),
      upsertPosted(deps),
    ],
  });
  app.use('/leads', suggestFields(fields), pointIntoList, pointIntoPosted);
}

/** Not for uniform responses: how long the upstream took may depend on whether it knew the person. */
const showTiming: RequestHandler = (_req, res, next) => {
  const context = contextOf(res);
  context.showsTiming = !hidesOutcome(context.caller ?? ANONYMOUS);
  next();
};

/** How long requests that come at once may hold the event loop before other events are handled, in ms. */
const SLICE_MS = 1.5;

/**
 * Spreads requests whose leads are kept over turns of the event loop, in their order. Not the others: their leads go in fewer
 * calls when they come at once.
 */
function spreadKept({ accepting, clock }: LeadRouteDeps): RequestHandler {
  if (accepting === null) return (_req, _res, next) => next();
  const slice = createTimeSlice(clock.monotonicMs, SLICE_MS);
  return (req, res, next) => {
    const isKept = deliveryModeOf(contextOf(res).caller ?? ANONYMOUS, req).kind === 'accept';
    const turn = isKept ? slice.turn() : undefined;
    if (turn !== undefined) return goOnAfter(turn, res, next);
    next();
    return undefined;
  };
}

async function goOnAfter(turn: Promise<void>, res: Response, next: NextFunction): Promise<void> {
  await turn;
  // The client may have left meanwhile.
  if (!res.destroyed) next();
}

/** A post with its honeypot filled in is answered like any other, and nothing is stored. */
function upsertPosted(deps: LeadRouteDeps): RequestHandler {
  const { accepting } = deps;
  const trap = createTrap(deps.clock);
  const upsert = upsertLead({
    ...deps,
    accepting: accepting && { ...accepting, outbox: trap.watch(accepting.outbox) },
  });
  const pretend = upsertLead({
    ...deps,
    directory: trap.directory,
    accepting: accepting && { ...accepting, outbox: trap.standIn(accepting.outbox) },
  });
  return (req, res, next) => (contextOf(res).isTrapped ? pretend : upsert)(req, res, next);
}

function upsertLead(deps: LeadRouteDeps): RequestHandler {
  const { directory, uniformResponses, accepting, fields } = deps;
  return async (req, res) => {
    const isDry = isDryRun(req);
    const parsed = toUpsertLead(req.body);
    const request = contextOf(res);
    if (!parsed.ok) throw invalidLead(placed(parsed.errors, request.placeOf), parsed.count);
    const { caller = ANONYMOUS } = request;
    const command = authorize(parsed.command, caller);
    const mode = accepting === null ? NOW : deliveryModeOf(caller, req);
    if (isDry) {
      refusePublishable(caller, 'check leads without writing them');
      if (mode.kind !== 'now') checkAcceptable(command);
      const places = placesIn((req.body as Readonly<Record<string, unknown>>)['attributeList']);
      const placeOf = (pointer: string) => {
        const place = places.get(pointer) ?? pointer;
        return request.placeOf?.(place) ?? place;
      };
      await respondDryRun(res, fields, command, request, placeOf);
      return;
    }
    const context = commandContext(req, res);
    if (accepting !== null && mode.kind !== 'now') {
      await upsertOrAccept(deps, accepting, { command, context, mode, req, res });
      return;
    }
    if (hidesOutcome(caller)) {
      request.maskedProblem = await uniformResponses.hide(() => directory.upsert(command, context));
      respondJson(res, 202, { status: 'ACCEPTED' });
      return;
    }
    respondResult(req, res, await directory.upsert(command, context));
  };
}

function placed(
  errors: readonly MemberError[],
  placeOf: ((pointer: string) => string) | undefined,
): readonly MemberError[] {
  return placeOf === undefined ? errors : errors.map((one) => ({ ...one, pointer: placeOf(one.pointer) }));
}

type Accepting = {
  readonly command: UpsertLead;
  readonly context: UpsertContext;
  readonly mode: DeliveryMode;
  readonly req: Request;
  readonly res: Response;
};

/** Answers a request whose lead may be kept to be delivered later (docs/outbox.md#accepting). */
async function upsertOrAccept(
  { uniformResponses }: LeadRouteDeps,
  accepting: AcceptDeps,
  { command, context, mode, req, res }: Accepting,
): Promise<void> {
  checkAcceptable(command);
  const request = contextOf(res);
  const { caller = ANONYMOUS } = request;
  const { requestId, trace } = context;
  const idempotencyKey = idempotencyKeyIn(req);
  const asked: AcceptRequest = { requestId, trace, owner: ownerOf(caller), idempotencyKey };
  const writeOrAccept = () => accepting.outbox.upsertOrAccept(command, context, asked);
  if (mode.kind === 'accept') {
    respondEither(req, res, await acceptLead(accepting, command, mode, asked, res), accepting.prefix);
    return;
  }
  const before = await accepting.outbox.recall(command, asked);
  if (before !== undefined) {
    respondAccepted(res, caller, before.id, accepting.prefix);
  } else if (hidesOutcome(caller)) {
    request.maskedProblem = await uniformResponses.hide(writeOrAccept);
    respondJson(res, 202, { status: 'ACCEPTED' });
  } else {
    respondEither(req, res, await writeOrAccept(), accepting.prefix);
  }
}

function respondEither(
  req: Request,
  res: Response,
  either: UpsertResult | AcceptedLead,
  prefix: string,
): void {
  if ('leadId' in either) respondResult(req, res, either);
  else respondAccepted(res, contextOf(res).caller ?? ANONYMOUS, either.id, prefix);
}

function respondResult(req: Request, res: Response, result: UpsertResult): void {
  const asList = result.lead !== undefined && prefersList(req.headers);
  if (asList) setHeader(res, 'Preference-Applied', ATTRIBUTES_AS_LIST);
  respondJson(res, result.status === 'CREATED' ? 201 : 200, toResponse(result, asList));
}
