import { type ErrorCode, GatewayError, type MemberError, type UpstreamWords } from '../leads/errors.ts';
import type { LeadRecord, UpsertLead, UpsertResult } from '../leads/lead.ts';
import { isFind, type LeadCommand } from '../leads/lookup.ts';
import type { Step } from './step.ts';

/**
 * When another attempt can do better than the one that failed: `never`; `reauthenticate`: at once, with a fresh
 * timestamp or token, but only once; `reconnect`: at once the first time, then as `backoff`: after a short pause;
 * `rate-limited`, `too-many-at-once`, `day-spent`: when that budget has room again. See docs/dispatching.md#retries.
 */
export type RetryAdvice =
  | 'never'
  | 'reauthenticate'
  | 'reconnect'
  | 'backoff'
  | 'rate-limited'
  | 'too-many-at-once'
  | 'day-spent';

/** What a failure says to the budgets beyond its verdict. */
export type BudgetAdvice = {
  /** How long from its start the upstream may still work on a call given up, in ms; it keeps its place for so long. */
  readonly mayRunMs?: number;
  /** For how long half of the 20 seconds is left to others, in ms. */
  readonly halfPaceMs?: number;
  /** The least pause before the next call, in ms. */
  readonly leastPauseMs?: number;
  /** Whether the day may end an hour late, since the upstream keeps to standard time. */
  readonly isDayInStandardTime?: boolean;
};

/** The words for a caller: what to do, and which members are at fault. */
export type Explanation = { readonly detail: string; readonly errors?: readonly MemberError[] };

/**
 * A failed attempt together with what it means, so that nothing outside the protocol's room knows a code of it
 * (docs/architecture.md#failures-are-values).
 */
export type Failure = {
  readonly kind: 'failed';
  /**
   * `rejected`: the call succeeded, the record was refused; `fault`: the upstream refused the call in its own protocol;
   * `unreadable`: the answer was something else; `unreachable`: no connection, or it broke; `timeout`: no answer.
   */
  readonly how: 'rejected' | 'fault' | 'unreadable' | 'unreachable' | 'timeout';
  readonly error: ErrorCode;
  /** Whether the caller may send the same lead again, where the usual answer of `error` does not hold. */
  readonly retryable?: boolean | undefined;
  readonly advice: RetryAdvice;
  /**
   * `record`: refused because of one lead, so the others of the call could have gone through; `record-if-repeated`: only
   * once the call has failed three times.
   */
  readonly isolates: 'record' | 'record-if-repeated' | 'call';
  /** Whether the upstream counts the call against its limits. */
  readonly counted: 'yes' | 'no' | 'unclear';
  /** The attributes that the upstream says it does not have; empty when it names none. */
  readonly unknownAttributes: readonly string[];
  /** The upstream's Retry-After header as it came. */
  readonly retryAfter: string | undefined;
  /** A pure function: the failure may be that of a batch and name members of other leads as well. */
  readonly explain: (command: UpsertLead) => Explanation;
  readonly upstream?: UpstreamWords | undefined;
  /** The upstream's code as a label of metrics, one of a bounded set; undefined unless it refused the call. */
  readonly codeLabel?: string;
  /** Only where the answer had to be judged by it. */
  readonly httpStatus?: number | undefined;
  /** Why a proxy on the way made no connection. */
  readonly proxyFailure?: string | undefined;
  readonly cause?: unknown;
  readonly budgets?: BudgetAdvice;
  /** From when on the lead can be sent again without harm, in monotonic ms, for callers. */
  readonly safeAtMs?: number;
  /**
   * Until when no other replica may write leads with the keys of the call, in monotonic ms; a time that has passed: they are
   * free. Without it they are, unless the call was given up.
   */
  readonly keysKeptUntilMs?: number;
  /** The step that another attempt makes, for each lead of the call; without them the same one. */
  readonly retrySteps?: readonly Step[];
};

/** What failures of a whole call have in common where they say nothing else. */
export const CALL_FAILURE = {
  kind: 'failed',
  advice: 'never',
  isolates: 'call',
  counted: 'yes',
  unknownAttributes: [],
  retryAfter: undefined,
} as const satisfies Partial<Failure>;

/** Holds for every call, since each is an upsert by key (docs/rest-api.md#sending-a-lead-again). */
export const SAFE_TO_REPEAT = 'Sending the lead again is safe.';

/** How the words about an answer that cannot be read end. */
export const WHETHER_SAVED = 'whether the lead was saved is not known.';

/**
 * No connection, or one that broke before the answer.
 *
 * @param wasSent whether the upstream may have worked on the request
 * @param proxyFailure why the proxy on the way made no connection; undefined if the failure is not the proxy's
 */
export function unreachable(wasSent: boolean, proxyFailure: string | undefined, cause: unknown): Failure {
  const why = proxyFailure === undefined ? '' : `: ${proxyFailure}`;
  return {
    ...CALL_FAILURE,
    how: 'unreachable',
    error: 'upstream-unreachable',
    advice: wasSent ? 'reconnect' : 'backoff',
    counted: wasSent ? 'unclear' : 'no',
    explain: () => ({
      detail: wasSent
        ? `The connection to Marketo broke before an answer came. ${SAFE_TO_REPEAT}`
        : `Marketo cannot be reached right now${why}, so the lead was not sent. Send it again later.`,
    }),
    proxyFailure,
    cause,
  };
}

type Stored = { readonly kind: 'stored'; readonly result: UpsertResult };

/** A lookup is answered; the list is empty where no lead has the key. */
type Found = { readonly kind: 'found'; readonly leads: readonly LeadRecord[] };

/** The signal came before anything was sent. */
type Cancelled = { readonly kind: 'cancelled' };

/** The lead needs another call. */
export type Next = {
  readonly kind: 'next';
  readonly step: Step;
  /** Until when it must not be made, in monotonic ms, and what a lead without that much time is answered with. */
  readonly wait?: { readonly untilMs: number; readonly failure: Failure };
};

/** What became of one record of a call. */
export type RecordOutcome = Stored | Found | Next | Failure;

/** What became of an attempt with one lead. */
export type UpsertOutcome = Stored | Failure | Cancelled;

/** What became of an attempt with many leads: one outcome for each, in their order, or one for the whole call. */
export type BatchOutcome =
  | {
      readonly kind: 'answered';
      readonly records: readonly RecordOutcome[];
      /** False if there was nothing to call for: what the leads need was known meanwhile, or must be found out first. */
      readonly isSent?: boolean;
    }
  /** The answer had another number of records, so they cannot be matched with the leads. */
  | { readonly kind: 'mismatched' }
  | Failure
  | Cancelled;

export type Outcome = UpsertOutcome | Found | BatchOutcome;

/**
 * What the end of a call says to the budgets. `unsent` costs nothing; `unclear` may have been counted; `given-up` may have
 * been, too, and may still run at the upstream.
 */
export type CallVerdict =
  | 'counted'
  | 'unclear'
  | 'given-up'
  | 'unsent'
  | 'rate-limited'
  | 'too-many-at-once'
  | 'day-spent';

/** How long from its start the upstream may work on a call at most, unless the failure says otherwise, in ms. */
export const MAY_RUN_MS = 90_000;

const COUNTED = { yes: 'counted', no: 'unsent', unclear: 'unclear' } as const;

export function quotaVerdict(outcome: Outcome): CallVerdict {
  if (outcome.kind === 'cancelled') return 'unsent';
  if (outcome.kind !== 'failed') return isUnsent(outcome) ? 'unsent' : 'counted';
  const { advice } = outcome;
  if (outcome.how === 'timeout') return outcome.counted === 'no' ? 'unsent' : 'given-up';
  return advice === 'day-spent' || advice === 'rate-limited' || advice === 'too-many-at-once'
    ? advice
    : COUNTED[outcome.counted];
}

/** How long from its start the upstream may still work on a call that was given up, in ms. */
export function mayRunMsOf(outcome: Outcome): number {
  return (outcome.kind === 'failed' ? outcome.budgets?.mayRunMs : undefined) ?? MAY_RUN_MS;
}

/** What the end of a call says to the breaker. `success`: any answer came; `failure`: none could; `ignored`: not known. */
export type BreakerVerdict = 'success' | 'failure' | 'ignored';

export function breakerVerdict(outcome: Outcome): BreakerVerdict {
  if (outcome.kind === 'cancelled') return 'ignored';
  if (outcome.kind !== 'failed') return isUnsent(outcome) ? 'ignored' : 'success';
  if (outcome.how === 'timeout') return 'failure';
  if (outcome.how !== 'unreachable') return 'success';
  // A connection that breaks after the request was sent was most likely an idle one that the upstream had closed.
  return outcome.counted === 'no' ? 'failure' : 'ignored';
}

/** Whether the upstream was not asked. */
function isUnsent(outcome: Outcome): boolean {
  return outcome.kind === 'cancelled' || (outcome.kind === 'answered' && outcome.isSent === false);
}

/** The outcome as a label of metrics and spans. */
export function outcomeLabel(outcome: Outcome): string {
  return outcome.kind === 'failed' ? outcome.how : outcome.kind;
}

/**
 * Turns the last failure of a lead into the one exception that crosses the callers' port.
 *
 * @param command the lead or the lookup it happened to
 * @param retryAfterSeconds when the same request can succeed, if that is known
 */
export function toGatewayError(
  failure: Failure,
  command: LeadCommand,
  retryAfterSeconds?: number,
): GatewayError {
  const { error, explain, upstream, retryable, cause, httpStatus: upstreamStatus } = failure;
  const explained = explain(isFind(command) ? NO_LEAD : command);
  const details = { ...explained, upstream, retryable, retryAfterSeconds, cause, upstreamStatus };
  return new GatewayError(error, details);
}

/** For failures of calls that write no lead: none of its members can be at fault. */
export const NO_LEAD: UpsertLead = { attributes: [], returnLead: false };
