import type { IncomingMessage } from 'node:http';
import { IDENTITY_BASE, REST_CODES, REST_PATHS } from '../../text/rest-protocol.ts';
import { type HttpAnswer, sendAnswer, type SentCall } from '../../soap-server/endpoint.ts';
import { BodyError, readBody } from '../../soap-server/request-body.ts';
import type { RequestHandler, RequestTarget } from '../http-server.ts';
import {
  encodeBody,
  errorText,
  htmlAnswer,
  jsonAnswer,
  requestIdOf,
  RestError,
  successText,
  titleOf,
} from './answer.ts';
import type { CallDetails, RestCallReport } from './call.ts';
import type { RestFault, RestOperation } from './fault.ts';
import { identify } from './identity.ts';
import type { RestOperations } from './operations.ts';
import { bearerToken, jsonBody, readRestRequest, type RestRequest } from './request.ts';
import { type Route, routeOf } from './routes.ts';
import type { Tokens } from './tokens.ts';

export type RestEndpointDeps = {
  readonly operations: RestOperations;
  readonly tokens: Tokens;
  /** Admits a call and returns what ends it. Throws a RestError for one over a limit. */
  readonly admit: () => () => void;
  /** Counts a call that is refused before it is admitted. */
  readonly count: () => void;
  /** What happens to a call that has just arrived; called once for each. */
  readonly takeFault: (operation: RestOperation | 'unknown') => RestFault | undefined;
  /** Called once for each call, before it is answered, with what was read of it and the answer. */
  readonly onCall: (call: RestCallReport, sent: SentCall) => void;
  readonly now: () => number;
  /** Resolves after that many milliseconds. */
  readonly wait: (ms: number) => Promise<void>;
};

const MAX_BODY_BYTES = 1024 * 1024;
const MAX_ADDRESS_BYTES = 8 * 1024;

/** Refusals that do not count as calls, and those of `admit`, which counts them itself. */
const NOT_COUNTED: ReadonlySet<string> = new Set([
  REST_CODES.tokenEmpty,
  REST_CODES.tokenInvalid,
  REST_CODES.tokenExpired,
  REST_CODES.timeout,
  REST_CODES.methodNotSupported,
  REST_CODES.temporarilyUnavailable,
  REST_CODES.systemError,
]);

type Answered = HttpAnswer & Pick<RestCallReport, 'outcome' | 'errorCode'>;

/** What the log is told about a call, noted as it is read. */
type Progress = {
  operation: RestOperation | 'unknown';
  endpoint: string;
  records: number;
  details: CallDetails;
  injected: RestFault | undefined;
  /** Empty for a request for a token. */
  body: Buffer;
};

const NOTHING = Buffer.alloc(0);

/** Serves one request below `/rest` or for a token. Never rejects. */
export function createRestEndpoint(deps: RestEndpointDeps): RequestHandler {
  let requests = 0;
  return async (request, response, target) => {
    const time = deps.now();
    requests += 1;
    const requestId = requestIdOf(requests, time);
    const progress: Progress = {
      operation: 'unknown',
      endpoint: 'unknown',
      records: 0,
      details: {},
      injected: undefined,
      body: NOTHING,
    };
    const isIdentity = target.path === IDENTITY_BASE + REST_PATHS.token;
    const serve = isIdentity ? serveIdentity : serveCall;
    const answered = await serve(deps, request, target, requestId, progress).catch((error: unknown) =>
      failureAnswer(error, requestId),
    );
    const { operation, endpoint, records, details, injected, body } = progress;
    const report: RestCallReport = {
      time,
      operation,
      endpoint,
      ...details,
      records,
      outcome: injected?.reset === undefined ? answered.outcome : 'RESET',
      ...(answered.errorCode !== undefined && { errorCode: answered.errorCode }),
      durationMs: deps.now() - time,
    };
    deps.onCall(report, { request, body, answer: answered });
    const { bytes, coding } = encodeBody(answered, request.headers);
    const encoding = coding && { 'Content-Encoding': coding, Vary: 'Accept-Encoding' };
    const answer = { ...answered, headers: { ...answered.headers, ...encoding } };
    sendAnswer(response, answer, bytes, injected?.reset);
  };
}

type Serve = (
  deps: RestEndpointDeps,
  request: IncomingMessage,
  target: RequestTarget,
  requestId: string,
  progress: Progress,
) => Promise<Answered>;

const serveIdentity: Serve = async (deps, request, { path, query }, requestId, progress) => {
  progress.operation = 'identity';
  progress.endpoint = path;
  const injected = (progress.injected = deps.takeFault('identity'));
  breakOnArrival(request, injected);
  const instead = answerInstead(injected, requestId);
  const answered = await identify(request, query, { issue: () => deps.tokens.issue(deps.now()) });
  if (injected?.delayMs !== undefined) await deps.wait(injected.delayMs);
  return instead ?? { ...answered, outcome: answered.status === 200 ? 'TOKEN' : 'OTHER' };
};

const serveCall: Serve = async (deps, request, { path, query }, requestId, progress) => {
  if (Buffer.byteLength(path) + Buffer.byteLength(query) + 1 > MAX_ADDRESS_BYTES) {
    request.resume();
    return { ...htmlAnswer(414, 'Request-URI Too Long'), outcome: 'OTHER' };
  }
  const route = routeOf(path);
  progress.endpoint = route?.endpoint ?? 'unknown';
  progress.body = await readBody(request, MAX_BODY_BYTES);
  const read = readRestRequest(request, query, progress.body);
  progress.operation = route?.methods[read.method] ?? 'unknown';
  const injected = (progress.injected = deps.takeFault(progress.operation));
  breakOnArrival(request, injected);
  const instead = answerInstead(injected, requestId);
  if (instead && injected?.done !== true) {
    if (instead.errorCode !== undefined && !NOT_COUNTED.has(instead.errorCode)) deps.count();
    if (injected?.delayMs !== undefined) await deps.wait(injected.delayMs);
    return instead;
  }

  authorise(deps, request);
  if (route && progress.operation === 'unknown') {
    throw new RestError(REST_CODES.methodNotSupported, `Request method '${read.method}' not supported`);
  }
  const leave = deps.admit();
  try {
    const answered = await runOperation(deps, read, route, requestId, progress).catch((error: unknown) =>
      failureAnswer(error, requestId),
    );
    if (injected?.delayMs !== undefined) await deps.wait(injected.delayMs);
    return instead ?? answered;
  } finally {
    leave();
  }
};

async function runOperation(
  { operations }: RestEndpointDeps,
  request: RestRequest,
  route: Route | undefined,
  requestId: string,
  progress: Progress,
): Promise<Answered> {
  const { injected } = progress;
  if (!route || progress.operation === 'unknown' || progress.operation === 'identity')
    throw new RestError(REST_CODES.notFound, 'Requested resource not found');
  if (!request.hasContentType) throw new RestError(REST_CODES.invalidContentType, 'Invalid Content Type');
  const json = jsonBody(request);
  const done = await operations[progress.operation]({
    request,
    json,
    id: route.id,
    injected,
    note: ({ records, ...details }) => {
      progress.records = records ?? progress.records;
      progress.details = { ...progress.details, ...details };
    },
  });
  const result = done.result && withResults(done.result, injected?.results ?? 0);
  const text = successText(requestId, { ...done, ...(result && { result }) });
  const body = injected?.truncate ? text.slice(0, text.length >> 1) : text;
  return { ...jsonAnswer(body), outcome: done.outcome };
}

function withResults(result: readonly string[], more: number): readonly string[] {
  if (more <= 0) return result.slice(0, result.length + more);
  return [...result, ...Array.from({ length: more }, () => result.at(-1) ?? '{}')];
}

/** @throws {RestError} 601 to 603 */
function authorise({ tokens, count, now }: RestEndpointDeps, request: IncomingMessage): void {
  const token = bearerToken(request);
  if (token === null) {
    count();
    throw new RestError(REST_CODES.accessDenied, 'Access denied');
  }
  switch (tokens.check(token, now())) {
    case 'valid':
      return;
    case 'expired':
      throw new RestError(REST_CODES.tokenExpired, 'Access token expired');
    case 'unknown':
      throw new RestError(REST_CODES.tokenInvalid, 'Access token invalid');
  }
}

/** @throws {BodyError} which is answered to no one */
function breakOnArrival(request: IncomingMessage, injected: RestFault | undefined): void {
  if (injected?.reset !== 'on-arrival') return;
  request.socket.resetAndDestroy();
  throw new BodyError(400, 'reset');
}

function answerInstead(injected: RestFault | undefined, requestId: string): Answered | null {
  if (injected?.garbage) return { ...injected.garbage, outcome: 'GARBAGE' };
  if (!injected?.error) return null;
  const { code, message, status } = injected.error;
  return {
    ...jsonAnswer(errorText(requestId, code, message ?? titleOf(code)), status),
    outcome: 'ERROR',
    errorCode: String(code),
  };
}

function failureAnswer(error: unknown, requestId: string): Answered {
  if (error instanceof RestError) {
    const { code, message } = error;
    return { ...jsonAnswer(errorText(requestId, code, message)), outcome: 'ERROR', errorCode: code };
  }
  if (error instanceof BodyError) {
    const title = error.status === 413 ? 'Request Entity Too Large' : 'Bad Request';
    return { ...htmlAnswer(error.status, title), outcome: 'OTHER' };
  }
  const code = REST_CODES.systemError;
  return { ...jsonAnswer(errorText(requestId, code, 'System error')), outcome: 'ERROR', errorCode: code };
}
