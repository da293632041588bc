import { GatewayError } from '../leads/errors.ts';
import type { FieldContext, LeadFields } from '../leads/fields.ts';
import { type Clock, sleep } from '../runtime/clock.ts';
import type { UpstreamFields } from '../upstream/fields.ts';
import { type Failure, NO_LEAD, quotaVerdict, toGatewayError } from '../upstream/outcome.ts';
import { secondsOf } from './errors.ts';
import type { Quota } from './quota.ts';
import { nextDelay, parseRetryAfter } from './retry-policy.ts';

type FieldReaderOptions = {
  readonly fields: UpstreamFields;
  readonly quota: Pick<Quota, 'admission' | 'reserve' | 'probeInMs'>;
  readonly clock: Clock;
  /** 0 up to but not 1. */
  readonly random: () => number;
  /** From a question to its answer. */
  readonly deadlineMs: number;
  /** A call has ended; undefined: well. */
  readonly onCall: (failure: Failure | undefined, ms: number, operation: string) => void;
  /** A call has ended: there may be room for leads. */
  readonly wake: () => void;
};

/** Facts that one question needs at most, and one of them twice. */
const MAX_READS = 4;
/** How soon the budgets are asked again while a running call has to end first, in ms. */
const AT_ITS_END_MS = 50;

/**
 * Asks the upstream for fields when someone needs them, by calls that are booked like any other. All who need the same
 * share one call (docs/dispatching.md#fields).
 */
export function createFieldReader(options: FieldReaderOptions): LeadFields {
  const { fields } = options;
  const reading = new Map<string, Promise<GatewayError | undefined>>();

  const readOnce = (fact: string, context: FieldContext): Promise<GatewayError | undefined> => {
    const running = reading.get(fact);
    if (running !== undefined) return running;
    const begun = readBooked(options, fact, context).finally(() => reading.delete(fact));
    reading.set(fact, begun);
    return begun;
  };

  const ensure = async (missing: () => string | undefined, context: FieldContext) => {
    for (let reads = 0; reads < MAX_READS; reads += 1) {
      const fact = missing();
      if (fact === undefined) return undefined;
      const error = await readOnce(fact, context);
      if (error !== undefined) return error;
    }
    return undefined;
  };

  return {
    known: fields.known,
    async list(context) {
      const error = await ensure(fields.missing, context);
      const list = fields.known();
      if (list !== undefined) return list;
      throw error ?? noRoom(0);
    },
    async check(command, context) {
      const unread = await ensure(() => fields.missing(command), context);
      const findings = fields.check(command);
      // A name may be that of a field which is newer than the list.
      const isOld = unread !== undefined;
      return {
        unread,
        findings: isOld
          ? findings.map((one) => (one.error === 'unknown-attribute' ? { ...one, isCertain: false } : one))
          : findings,
      };
    },
  };
}

/** Reads a fact as soon as the budgets have room, and again after a failure that passes. */
async function readBooked(
  options: FieldReaderOptions,
  fact: string,
  { requestId, trace, deadlineMs = options.deadlineMs }: FieldContext,
): Promise<GatewayError | undefined> {
  const { fields, quota, clock, random, onCall, wake } = options;
  const endsAt = clock.monotonicMs() + deadlineMs;
  let wasReauthenticated = false;
  for (let attempts = 1; ; attempts += 1) {
    const error = await untilRoom(options, endsAt);
    if (error !== undefined) return error;
    const end = quota.reserve();
    const startedAt = clock.monotonicMs();
    const { isSent, failure } = await fields.read(fact, { origins: [{ requestId, trace }] });
    const retryAfterMs = parseRetryAfter(failure?.retryAfter, clock.now());
    end(verdictOf(isSent, failure), retryAfterMs, failure?.budgets);
    if (isSent) onCall(failure, clock.monotonicMs() - startedAt, fields.operationOf(fact));
    wake();
    if (failure === undefined) return undefined;
    const pauseMs = pauseAfter(failure, attempts, wasReauthenticated, retryAfterMs, random);
    if (pauseMs === undefined || clock.monotonicMs() + pauseMs >= endsAt) {
      return whyUnread(failure, quota.probeInMs());
    }
    wasReauthenticated ||= failure.advice === 'reauthenticate';
    await sleep(clock, pauseMs);
  }
}

function verdictOf(isSent: boolean, failure: Failure | undefined) {
  if (!isSent) return 'unsent';
  return failure === undefined ? 'counted' : quotaVerdict(failure);
}

/** Waits until a call may be made; the error if none may before the deadline. */
async function untilRoom(
  { quota, clock }: FieldReaderOptions,
  endsAt: number,
): Promise<GatewayError | undefined> {
  for (;;) {
    const admission = quota.admission();
    if (admission.kind === 'go') return undefined;
    if (admission.kind === 'day-spent') return daySpent(admission.forMs);
    const nowMs = clock.monotonicMs();
    const atMs = admission.atMs ?? nowMs + AT_ITS_END_MS;
    if (atMs >= endsAt) return noRoom(atMs - endsAt);
    await sleep(clock, Math.max(1, atMs - nowMs));
  }
}

/** Ms until another attempt; undefined if there must be none. The budgets wait for room themselves. */
function pauseAfter(
  { advice }: Failure,
  attempts: number,
  wasReauthenticated: boolean,
  retryAfterMs: number | undefined,
  random: () => number,
): number | undefined {
  switch (advice) {
    case 'never':
    case 'day-spent':
      return undefined;
    case 'reauthenticate':
      return wasReauthenticated ? undefined : 0;
    case 'rate-limited':
    case 'too-many-at-once':
      return 0;
    case 'reconnect':
    case 'backoff':
      return nextDelay(advice, attempts, retryAfterMs, random);
  }
}

/** Failures whose words are about a lead, in words about fields. */
const DETAILS: Readonly<Partial<Record<Failure['how'], string>>> = {
  unreachable: 'Marketo cannot be reached right now, so its fields could not be read. Try again later.',
  timeout: 'Marketo did not answer in time, so its fields could not be read. Try again later.',
  unreadable: "Marketo's answer is not a list of fields that the gateway can read.",
};

/** A refusal of the call is no refusal of a lead. */
const ABOUT_LEADS: ReadonlySet<string> = new Set(['lead-rejected', 'lead-not-found', 'unknown-attribute']);

function whyUnread(failure: Failure, dayProbeMs: number): GatewayError {
  if (failure.advice === 'day-spent') return daySpent(dayProbeMs);
  const error = toGatewayError(failure, NO_LEAD);
  const detail = DETAILS[failure.how] ?? (ABOUT_LEADS.has(failure.error) ? REFUSED : error.detail);
  const { upstream, retryable, cause } = error;
  return new GatewayError(ABOUT_LEADS.has(error.code) ? 'upstream-error' : error.code, {
    detail,
    upstream,
    retryable,
    cause,
  });
}

const REFUSED = 'Marketo refuses to tell its fields.';

function daySpent(forMs: number): GatewayError {
  return new GatewayError('daily-quota-exhausted', {
    detail:
      'The calls to Marketo of the day are used up, so its fields could not be read. Try again after the time in Retry-After.',
    retryAfterSeconds: secondsOf(forMs),
  });
}

function noRoom(ms: number): GatewayError {
  return new GatewayError('upstream-busy', {
    detail:
      'Marketo accepts no call before the deadline, so its fields could not be read. Try again after the time in Retry-After.',
    retryAfterSeconds: secondsOf(ms),
  });
}
