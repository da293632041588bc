import type { IRouter, RequestHandler, Response } from 'express';
import { type ErrorCode, GatewayError } from '../../leads/errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import { PROBLEM_TYPES } from '../problems/types.ts';
import { ANONYMOUS, authorize, hidesOutcome } from '../../access/principal.ts';
import type { LeadDirectory, UpsertContext } from '../../leads/lead.ts';
import { type CancelSignal, createCancellation } from '../../runtime/cancellation.ts';
import type { Access } from '../authenticate.ts';
import { type BodyMemory, readJsonBody } from '../request-body.ts';
import { contextOf, onFinished } from '../request-context.ts';
import { respondJson, setHeader } from '../respond.ts';
import { route } from '../route.ts';
import { invalidLead } from '../problems/problem.ts';
import { ATTRIBUTES_AS_LIST, pointIntoList, prefersList } from './attribute-list.ts';
import { toResponse, toUpsertLead } from './mapping.ts';

/** Uniform responses are sent at the end of a step of this length (docs/authentication.md#uniform-responses). */
export const RESPONSE_STEP_MS = 500;

/** Problems that may depend on the person, not only on the request, the gateway or the upstream as a whole. */
const ABOUT_THE_PERSON = {
  'lead-rejected': true,
  'lead-not-found': true,
  'malformed-json': false,
  unauthorized: false,
  forbidden: false,
  'not-found': false,
  'method-not-allowed': false,
  'body-too-large': false,
  'unsupported-media-type': false,
  'validation-failed': false,
  'rate-limited': false,
  'unknown-attribute': false,
  'upstream-error': false,
  'upstream-access-denied': false,
  'upstream-clock-skew': false,
  'daily-quota-exhausted': false,
  'upstream-busy': false,
  'upstream-unreachable': false,
  'upstream-timeout': false,
  'upstream-bad-response': false,
  unavailable: false,
  'internal-error': false,
} as const satisfies Record<ErrorCode, boolean>;

/**
 * Protection against enumeration: writes a lead for a caller that must not learn whether the person is known. Settles at
 * the end of a step, alike for a lead that was created, updated or refused because of the person. Rejects with problems
 * that any caller may know, without the upstream's words.
 *
 * @returns the masked problem, for the log; undefined if there was none
 */
async function hideOutcome(
  write: () => Promise<unknown>,
  { monotonicMs, setTimer }: Pick<Clock, 'monotonicMs' | 'setTimer'>,
): Promise<ErrorCode | undefined> {
  const startedMs = monotonicMs();
  const failure = await write().then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const elapsedMs = monotonicMs() - startedMs;
  await new Promise<void>((resolve) => {
    setTimer(resolve, RESPONSE_STEP_MS - (elapsedMs % RESPONSE_STEP_MS));
  });
  if (failure === undefined) return undefined;
  const { error } = failure;
  if (!(error instanceof GatewayError)) throw error;
  if (ABOUT_THE_PERSON[error.code]) return error.code;
  throw withoutUpstreamWords(error);
}

/** The upstream's words may reveal something about the person. An attribute's name came from the caller. */
function withoutUpstreamWords(error: GatewayError): GatewayError {
  if (error.upstream === undefined && error.code !== 'upstream-bad-response') return error;
  const detail = error.code === 'unknown-attribute' ? error.detail : `${PROBLEM_TYPES[error.code].title}.`;
  return error.with({ detail, upstream: undefined });
}

export type LeadRouteDeps = {
  readonly directory: LeadDirectory;
  readonly access: Pick<Access, 'identify'>;
  readonly bodyMemory: BodyMemory;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
};

/** `PUT /leads` (docs/rest-api.md#put-leads). */
export function serveLeads(app: IRouter, deps: LeadRouteDeps): void {
  const { access, bodyMemory } = deps;
  route(app, '/leads', { PUT: [access.identify, showTiming, readJsonBody(bodyMemory), upsertLead(deps)] });
  app.use('/leads', pointIntoList);
}

/** Not for uniform responses: how long the upstream took may depend on whether it knew the person. */
const showTiming: RequestHandler = (_req, res, next) => {
  const context = contextOf(res);
  context.showsTiming = !hidesOutcome(context.caller ?? ANONYMOUS);
  next();
};

function upsertLead({ directory, clock }: LeadRouteDeps): RequestHandler {
  return async (req, res) => {
    const parsed = toUpsertLead(req.body);
    if (!parsed.ok) throw invalidLead(parsed.errors);
    const request = contextOf(res);
    const { requestId, trace, caller = ANONYMOUS } = request;
    const command = authorize(parsed.command, caller);
    const context: UpsertContext = {
      requestId,
      trace,
      signal: disconnectSignal(res),
      report: (timing) => {
        request.timing = timing;
      },
    };
    if (hidesOutcome(caller)) {
      request.maskedProblem = await hideOutcome(() => directory.upsert(command, context), clock);
      respondJson(res, 202, { status: 'ACCEPTED' });
      return;
    }
    const result = await directory.upsert(command, context);
    const asList = result.lead !== undefined && prefersList(req);
    if (asList) setHeader(res, 'Preference-Applied', ATTRIBUTES_AS_LIST);
    respondJson(res, result.status === 'CREATED' ? 201 : 200, toResponse(result, asList));
  };
}

/** Cancels when the client disconnects before the response has finished. */
function disconnectSignal(res: Response): CancelSignal {
  const { signal, cancel } = createCancellation();
  onFinished(res, () => {
    if (!res.writableFinished) cancel();
  });
  return signal;
}
