import { type Clock, sleep } from '../runtime/clock.ts';
import { FORM_CONTENT_TYPE } from '../text/rest-protocol.ts';
import type { HttpPost, PostResponse } from '../transport/http-post.ts';
import { type Failure, unreachable } from '../upstream/outcome.ts';
import { statusAnswer } from './answer.ts';
import { spellingsOf, withoutSecrets } from './client-redact.ts';
import { accessDenied, answerFailure, notWritten, timedOut, unreadable } from './failures.ts';
import { afterFetch, readTokenAnswer, type Token, writeTokenRequest } from './token.ts';

export type TokenSourceOptions = {
  /** Posts to identity. */
  readonly post: HttpPost;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer'>;
  readonly timeoutMs: number;
  readonly userAgent: string;
};

/** The token of all calls: one fetch at a time, kept in memory until it ends (docs/marketo-rest.md#token). */
export type TokenSource = {
  /** The token that is in memory and has not ended; calls that have one need not wait. */
  current(): string | undefined;
  /**
   * A valid token, or why it could not be fetched. Never rejects.
   *
   * @param refused a token that the API has refused
   */
  get(refused?: string): Promise<string | Failure>;
  /** A response to a call with this token, without the token and the client secret. */
  redact(response: PostResponse, token: string): PostResponse;
};

export function createTokenSource(options: TokenSourceOptions): TokenSource {
  const { monotonicMs } = options.clock;
  let cached: Token | undefined;
  let fetching: Promise<Token | Failure> | undefined;
  let secrets = { token: '', spellings: spellingsOf([]) };

  const refresh = async (): Promise<Token | Failure> => {
    const fetched = await fetchToken(options);
    cached = 'value' in fetched ? fetched : undefined;
    fetching = undefined;
    return fetched;
  };

  const current = () => (cached !== undefined && monotonicMs() < cached.endsAtMs ? cached.value : undefined);

  return {
    current,
    async get(refused) {
      const known = current();
      if (known !== undefined && known !== refused) return known;
      const token = await (fetching ??= refresh());
      if (!('value' in token)) return token;
      // Identity gives the same token until it ends, so this one stays refused.
      return token.value === refused ? accessDenied(undefined) : token.value;
    },
    redact(response, token) {
      if (secrets.token !== token) secrets = { token, spellings: spellingsOf([token, options.clientSecret]) };
      return withoutSecrets(response, secrets.spellings);
    },
  };
}

async function fetchToken(options: TokenSourceOptions): Promise<Token | Failure> {
  const { post, clock, timeoutMs, userAgent, clientId, clientSecret } = options;
  const headers = { 'content-type': FORM_CONTENT_TYPE, accept: 'application/json', 'user-agent': userAgent };
  const spellings = spellingsOf([clientSecret]);
  for (let fetches = 1; ; fetches += 1) {
    const sentAtMs = clock.monotonicMs();
    const response = await post({ headers, body: writeTokenRequest(clientId, clientSecret), timeoutMs });
    if (response.kind === 'failure') {
      const { reason, cause, proxyFailure } = response;
      if (reason === 'timeout') return unsent(timedOut(cause));
      if (reason === 'connect' || reason === 'reset' || reason === 'cancelled') {
        return unsent(unreachable(false, proxyFailure, cause));
      }
      return unsent(
        unreadable(
          `to the request for a token ${reason === 'too-large' ? 'is too large' : 'cannot be read'}`,
        ),
      );
    }
    const read = readResponse(withoutSecrets(response, spellings));
    if (read.kind === 'failed') return read;
    const move = afterFetch(read, sentAtMs, fetches);
    if (move.kind === 'use') return move.token;
    if (move.kind === 'deny') return accessDenied(undefined);
    await sleep(clock, move.ms);
  }
}

type ReadToken = Extract<ReturnType<typeof readTokenAnswer>, { kind: 'token' }>;

/** Identity refuses credentials with one of these, whatever page comes with it. */
const DENIED: ReadonlySet<number> = new Set([400, 401]);
/** They are about the size of a lead, which this request does not have. */
const ABOUT_LEADS: ReadonlySet<number> = new Set([413, 414]);

function readResponse(response: PostResponse): ReadToken | Failure {
  const { status, contentType, body, retryAfter } = response;
  if (ABOUT_LEADS.has(status)) {
    return unsent(unreadable(`to the request for a token has the HTTP status ${status}`, status));
  }
  const isHtml = /^\s*text\/html\b/i.test(contentType ?? '');
  if (!DENIED.has(status) && (isHtml || status !== 200)) {
    const answer = statusAnswer(response, isHtml);
    return unsent(answerFailure(answer, 'other', retryAfter, 'MARKETO_IDENTITY_ENDPOINT'));
  }
  const answer = readTokenAnswer(status, body.toString('utf8'));
  switch (answer.kind) {
    case 'token':
      return answer;
    case 'denied':
      return accessDenied(answer.message);
    case 'unreadable':
      return unsent(unreadable(answer.reason));
  }
}

/** The call itself was not made. */
function unsent(failure: Failure): Failure {
  return { ...notWritten(failure), counted: 'no' };
}
