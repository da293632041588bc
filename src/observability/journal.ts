import type { CountedRequest } from './metrics.ts';

/** A request that was answered with a problem. Holds nothing that a caller has sent but the request id. */
export type JournalProblem = {
  /** In ms since 1970. */
  readonly at: number;
  readonly requestId: string;
  readonly route: string;
  readonly status: number;
  readonly problem: string;
  /** The name of the key; `jwt` for a token, empty where no one is known. */
  readonly caller: string;
};

/** How a key has been used since the start. */
export type KeyUse = {
  /** In ms since 1970. */
  lastUsedAt: number;
  requests: number;
  /** Requests that were answered with a problem. */
  problems: number;
};

type Answer = { readonly status: number; readonly problem: string | null };

/** What an operator wants to see of the last requests (docs/operations.md#the-status-page). */
export type Journal = {
  /** To be called when a request is over. */
  request(request: CountedRequest & { readonly requestId: string }): void;
  /** The last ones, newest first. */
  problems(): readonly JournalProblem[];
  /** What a request was answered with; undefined unless it is one of the last, and of a gateway with a sandbox. */
  answerOf(requestId: string): Answer | undefined;
  /** Undefined for a key that was not used. */
  useOf(key: string): Readonly<KeyUse> | undefined;
};

const SHOWN = 50;
const ANSWERS = 200;

/** @param keepsAnswers whether a sandbox shows what callers were answered with */
export function createJournal(now: () => number, keepsAnswers: boolean): Journal {
  const problems: JournalProblem[] = [];
  const uses = new Map<string, KeyUse>();
  const answers = new Map<string, Answer>();
  return {
    request({ requestId, route, status, slug, caller, kind }) {
      if (keepsAnswers) {
        answers.set(requestId, { status, problem: slug === '' ? null : slug });
        const [oldest] = answers.size > ANSWERS ? answers.keys() : [];
        if (oldest !== undefined) answers.delete(oldest);
      }
      if (slug !== '' && route !== 'unknown') {
        problems.push({ at: now(), requestId, route, status, problem: slug, caller });
        if (problems.length > SHOWN) problems.shift();
      }
      // Without a key: no one is known, or the caller has a token, of which all share one name.
      if (kind === '' || kind === 'unknown' || kind === 'token') return;
      let use = uses.get(caller);
      if (use === undefined) uses.set(caller, (use = { lastUsedAt: 0, requests: 0, problems: 0 }));
      use.lastUsedAt = now();
      use.requests += 1;
      if (slug !== '') use.problems += 1;
    },
    problems: () => problems.toReversed(),
    answerOf: (requestId) => answers.get(requestId),
    useOf: (key) => uses.get(key),
  };
}
