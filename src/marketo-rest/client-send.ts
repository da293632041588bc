import type { Clock } from '../runtime/clock.ts';
import type { HttpPost, PostFailure, PostResponse } from '../transport/http-post.ts';
import { type Failure, unreachable } from '../upstream/outcome.ts';
import { type CallContext, originHeaders } from '../upstream/upstream.ts';
import { isNotPassedOn, readAnswer, type RestAnswer } from './answer.ts';
import type { TokenSource } from './client-token.ts';
import { callMeaning, type RestOperation, statusMeaning } from './codes.ts';
import { answerFailure, timedOut, unreadable } from './failures.ts';
import type { RestRequest } from './request.ts';
import { MAY_RUN_MS } from './unsettled-keys.ts';

export type SendOptions = {
  /** To the origin of the API. */
  readonly post: HttpPost;
  /** The path that those of requests are below: `/rest`. */
  readonly basePath: string;
  readonly tokens: TokenSource;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly timeoutMs: number;
  readonly userAgent: string;
};

/** How a call ended; `startedMs` is when its request was sent, in monotonic ms. */
export type Sent =
  | (Extract<RestAnswer, { kind: 'success' }> & { readonly startedMs: number })
  | {
      readonly kind: 'failure';
      readonly failure: Failure;
      readonly startedMs: number;
      /** Marketo may still be working on it, or may have done it. */
      readonly isEndUnknown: boolean;
    }
  | { readonly kind: 'cancelled' };

export type Send = (
  request: RestRequest,
  operation: RestOperation,
  context: CallContext,
  keepsNumbers?: boolean,
) => Promise<Sent>;

const TOKEN_CODES: ReadonlySet<number | null> = new Set([600, 601, 602]);

/** Sends requests with a token, and once more with another one if Marketo refuses it. */
export function createSend(options: SendOptions): Send {
  const { post, basePath, tokens, clock, timeoutMs, userAgent } = options;
  const usual = { accept: 'application/json', 'accept-encoding': 'gzip', 'user-agent': userAgent };

  return async (request, operation, context, keepsNumbers = false) => {
    const { signal } = context;
    const { method, path, body, contentType } = request;
    let refused: { readonly token: string; readonly failure: Failure } | undefined;
    for (;;) {
      const token =
        (refused === undefined ? tokens.current() : undefined) ?? (await tokens.get(refused?.token));
      const startedMs = clock.monotonicMs();
      if (typeof token !== 'string') {
        const failure = refused === undefined ? token : withRefusal(token, refused.failure);
        return { kind: 'failure', failure, startedMs, isEndUnknown: false };
      }
      if (signal.aborted) return { kind: 'cancelled' };
      const response = await post({
        headers: headersOf(context, token, contentType, usual),
        body,
        path: basePath + path,
        ...(method === 'GET' && { method }),
        timeoutMs,
        signal,
      });
      if (response.kind === 'failure') return failedRequest(response, operation, startedMs);
      const answer = readSafely(response, token, tokens, keepsNumbers);
      if (answer.kind === 'success') return { ...answer, startedMs };
      const code = answer.kind === 'refused' ? (answer.errors[0]?.code ?? null) : null;
      const failure = answerFailure(answer, operation, response.retryAfter);
      if (TOKEN_CODES.has(code) && refused === undefined) {
        refused = { token, failure };
        continue;
      }
      return { kind: 'failure', failure, startedMs, isEndUnknown: isEndUnknown(answer, operation) };
    }
  };
}

/** Hot path, see docs/performance.md#the-hot-path. */
function headersOf(
  context: CallContext,
  token: string,
  contentType: string | undefined,
  usual: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  if (contentType !== undefined) headers['content-type'] = contentType;
  return Object.assign(headers, originHeaders(context), usual);
}

/** Reads an answer without the secrets of the request; of a success only reasons of records go on to callers. */
function readSafely(
  response: PostResponse,
  token: string,
  tokens: TokenSource,
  keepsNumbers: boolean,
): RestAnswer {
  const answer = readAnswer(response, keepsNumbers);
  if (answer.kind === 'success' && !response.body.includes('"reasons"')) return answer;
  const clean = tokens.redact(response, token);
  return clean === response ? answer : readAnswer(clean, keepsNumbers);
}

/** Where identity has no other token, the refusal of the one it has tells more. */
function withRefusal(failure: Failure, { upstream, codeLabel }: Failure): Failure {
  if (failure.error !== 'upstream-access-denied' || failure.upstream !== undefined) return failure;
  return { ...failure, upstream, ...(codeLabel !== undefined && { codeLabel }) };
}

type FailedAnswer = Exclude<RestAnswer, { kind: 'success' }>;

function isEndUnknown(answer: FailedAnswer, operation: RestOperation): boolean {
  switch (answer.kind) {
    case 'refused': {
      const [first] = answer.errors;
      return callMeaning(first?.code ?? null, operation, '').isEndUnknown === true;
    }
    case 'http-status': {
      const { status, isHtml } = answer;
      if (isNotPassedOn(status)) return false;
      return statusMeaning(status, isHtml)?.isEndUnknown ?? status !== 500;
    }
    case 'unreadable':
      return true;
  }
}

function failedRequest(
  { reason, cause, proxyFailure }: PostFailure,
  operation: RestOperation,
  startedMs: number,
): Sent {
  const failed = (failure: Failure, isUnknown: boolean): Sent => ({
    kind: 'failure',
    failure,
    startedMs,
    isEndUnknown: isUnknown,
  });
  switch (reason) {
    case 'cancelled':
      return { kind: 'cancelled' };
    case 'connect':
      return failed(unreachable(false, proxyFailure, cause), false);
    case 'reset':
      return failed(unreachable(true, undefined, cause), true);
    case 'timeout': {
      const mayRunMs = MAY_RUN_MS[operation === 'sync' ? 'sync' : 'other'];
      return failed({ ...timedOut(cause), budgets: { mayRunMs } }, true);
    }
    case 'too-large':
      return failed(unreadable('is too large', undefined, cause), true);
    case 'bad-encoding':
      return failed(unreadable('cannot be decompressed', undefined, cause), true);
    case 'not-http':
      return failed(unreadable('is not HTTP', undefined, cause), true);
  }
}
