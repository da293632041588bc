import type { ErrorCode } from '../leads/errors.ts';
import type { BudgetAdvice, Failure, RetryAdvice } from '../upstream/outcome.ts';

/** What a call does; `other`: it is about no lead. */
export type RestOperation = 'sync' | 'find' | 'associate' | 'other';

/** What a code means; the detail tells the caller what to do, without our credentials or internals. */
export type CodeMeaning = {
  readonly error: ErrorCode;
  readonly advice: RetryAdvice;
  readonly detail: string;
  readonly retryable?: boolean;
  /** Marketo does not count such a call. */
  readonly counted?: 'no';
  readonly isolates?: Failure['isolates'];
  readonly budgets?: BudgetAdvice;
  /** The call may still run, so a lead it was to create may still appear. */
  readonly isEndUnknown?: true;
};

const TELL = 'Tell the operator of this gateway.';
const LATER = 'Send the lead again in a minute.';

const denied = (detail: string): CodeMeaning => ({
  error: 'upstream-access-denied',
  advice: 'never',
  detail,
});
const broken = (detail: string): CodeMeaning => ({ error: 'upstream-error', advice: 'never', detail });
const passing = (detail: string): CodeMeaning => ({ error: 'upstream-error', advice: 'backoff', detail });
const rejected = (detail: string): CodeMeaning => ({ error: 'lead-rejected', advice: 'never', detail });
/** @param how goes on after "does not answer right now" */
const awayWith = (how: string): CodeMeaning => ({
  error: 'upstream-unreachable',
  advice: 'backoff',
  isEndUnknown: true,
  detail: `Marketo, or a server in front of it, does not answer right now${how}. ${LATER}`,
});
const away = awayWith('');
const expired: CodeMeaning = {
  ...denied(
    "Marketo does not accept this gateway's token. The operator must check the client id and the client secret.",
  ),
  counted: 'no',
};
/** About one of the leads, so a call with several is split. */
const oneOfThem = (meaning: CodeMeaning): CodeMeaning => ({ ...meaning, isolates: 'record' });

const INTERNAL = `Marketo reports an internal error. ${LATER}`;
const MISUNDERSTOOD = `Marketo did not understand the request. ${TELL}`;
const SEVERAL =
  'Several leads in Marketo have this key. Send the id of one of them, or have them merged in Marketo.';
const NO_PARTITION =
  'This gateway does not see the partition that the lead is in. The operator must give its API user access to that workspace.';
const UNKNOWN_PARTITION = rejected('Marketo does not have the partition of this workspace.');
const NO_LEAD: CodeMeaning = {
  error: 'lead-not-found',
  advice: 'never',
  detail: 'Marketo has no lead with this id. Check id, or leave it out to create a lead.',
};
const NOT_SEARCHABLE =
  'Marketo cannot search by the field of this key. The operator must check MARKETO_FOREIGN_ID_FIELDS.';

/** The codes that refuse a whole call (docs/marketo-rest.md#codes). */
const CALL_CODES = {
  500: passing(INTERNAL),
  502: away,
  503: away,
  504: away,
  600: expired,
  601: expired,
  602: expired,
  603: denied(
    "Marketo does not allow this gateway to make the call. The operator must check the API user's role and the list of allowed addresses.",
  ),
  604: {
    ...passing(`Marketo did not finish the call in time. ${LATER}`),
    counted: 'no',
    isEndUnknown: true,
  },
  605: { ...broken(MISUNDERSTOOD), counted: 'no' },
  606: {
    error: 'upstream-busy',
    advice: 'rate-limited',
    budgets: { halfPaceMs: 60_000 },
    detail: 'Marketo accepts no more calls at the moment: there were too many in 20 seconds.',
  },
  607: {
    error: 'daily-quota-exhausted',
    advice: 'day-spent',
    budgets: { isDayInStandardTime: true },
    detail:
      "Marketo's daily quota of API calls is spent; it is reset at midnight US Central time. Send the lead again after the time in Retry-After, when the gateway asks Marketo again.",
  },
  608: { ...passing(INTERNAL), counted: 'no' },
  609: oneOfThem(broken(MISUNDERSTOOD)),
  610: broken('Marketo does not have the resource. The operator must check the endpoint.'),
  611: { ...passing(INTERNAL), counted: 'no', isolates: 'record-if-repeated' },
  612: broken(MISUNDERSTOOD),
  613: broken(MISUNDERSTOOD),
  614: away,
  615: {
    error: 'upstream-busy',
    advice: 'too-many-at-once',
    budgets: { leastPauseMs: 1000 },
    detail: 'Marketo accepts no more calls at the moment: too many are running at the same time.',
  },
  616: broken('The subscription does not support the call. The operator must check it.'),
  713: passing(INTERNAL),
  719: passing(INTERNAL),
  1006: broken(NOT_SEARCHABLE),
  1008: rejected(NO_PARTITION),
  1009: UNKNOWN_PARTITION,
  1011: broken(NOT_SEARCHABLE),
} satisfies Readonly<Record<number, CodeMeaning>>;

/** The codes that refuse one record, or the one lead of a find or an association. */
const RECORD_CODES = {
  1001: rejected('Marketo does not accept a value of the lead. Check its attributes.'),
  1003: rejected('Marketo does not accept the lead. Check its members and attributes.'),
  1004: NO_LEAD,
  1005: broken(`Marketo says that the lead exists already. ${TELL}`),
  1006: {
    error: 'unknown-attribute',
    advice: 'never',
    detail: 'Marketo does not know an attribute of this lead. Check the names; they are case-sensitive.',
  },
  1007: rejected(SEVERAL),
  1008: rejected(NO_PARTITION),
  1009: UNKNOWN_PARTITION,
  1010: rejected('The lead is in another partition than that of the workspace.'),
  1012: rejected('Marketo does not accept the cookie. Check marketoCookie, or leave it out.'),
  1013: NO_LEAD,
} satisfies Readonly<Record<number, CodeMeaning>>;

const OF_CALLS: Readonly<Record<number, CodeMeaning | undefined>> = CALL_CODES;
const OF_RECORDS: Readonly<Record<number, CodeMeaning | undefined>> = RECORD_CODES;

/** A code that is not listed is Marketo's error and is not retried (docs/architecture.md#unknown-is-a-known-case). */
const UNLISTED = broken('Marketo refused the call for a reason this gateway does not know.');
const UNEXPLAINED = broken('Marketo did not save the lead and did not say why in a way this gateway knows.');
const UNLISTED_REFUSAL = rejected('Marketo does not accept the lead.');

/** Refusals of the one lead that a find or an association is about. */
const OF_FINDS: ReadonlySet<number> = new Set([1004, 1007, 1012, 1013]);

const isAboutRecords = (code: number | null): code is number => code !== null && code >= 1000 && code < 2000;

const TOO_MANY_RESULTS = rejected(
  'More than 1,000 leads in Marketo have this key. Send the id, or a better key.',
);

/**
 * @param operation codes of one record count as well for calls that have no records in their answers
 * @param message tells two meanings of 1003 apart
 */
export function callMeaning(code: number | null, operation: RestOperation, message: string): CodeMeaning {
  if (code === null) return UNLISTED;
  const listed = OF_CALLS[code];
  if (listed !== undefined) return listed;
  if (!isAboutRecords(code)) return UNLISTED;
  if (operation === 'find' && code === 1003 && /too many results/i.test(message)) {
    return oneOfThem(TOO_MANY_RESULTS);
  }
  const isAboutOne = (operation === 'find' || operation === 'associate') && OF_FINDS.has(code);
  const ofOne = isAboutOne ? OF_RECORDS[code] : undefined;
  return oneOfThem(ofOne ?? UNLISTED);
}

export function recordMeaning(code: number | null): CodeMeaning {
  if (code === null) return UNEXPLAINED;
  return OF_RECORDS[code] ?? (isAboutRecords(code) ? UNLISTED_REFUSAL : UNEXPLAINED);
}

/** What an HTTP status means that is not the API's own. */
export function statusMeaning(status: number, isHtml: boolean): CodeMeaning | undefined {
  if (status === 413) {
    return oneOfThem({
      error: 'body-too-large',
      advice: 'never',
      detail: 'Marketo does not accept a lead of this size. Send fewer or shorter attributes.',
    });
  }
  if (status === 414) return broken(`Marketo does not accept an address of this length. ${TELL}`);
  if (status === 429) {
    const { error, advice } = CALL_CODES[606];
    return { error, advice, detail: 'Marketo accepts no more calls at the moment.' };
  }
  if (isHtml) return awayWith(` (a web page with the HTTP status ${status})`);
  if (status === 502 || status === 503 || status === 504) return awayWith(` (HTTP status ${status})`);
  return status === 500 ? CALL_CODES[500] : undefined;
}

const LABELLED: ReadonlySet<number> = new Set(
  [...Object.keys(CALL_CODES), ...Object.keys(RECORD_CODES)].map(Number),
);

/** A code as a label of metrics: Marketo may answer any number, and labels are a bounded set. */
export function codeLabel(code: number | null): string {
  if (code === null) return 'none';
  return LABELLED.has(code) ? String(code) : 'other';
}
