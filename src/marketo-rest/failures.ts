import {
  type ErrorCode,
  excerpt,
  type MemberError,
  refusedWith,
  type UpstreamWords,
} from '../leads/errors.ts';
import type { UpsertLead } from '../leads/lead.ts';
import { listNames, UNKNOWN_ATTRIBUTE } from '../leads/unknown-attributes.ts';
import { memberPointer } from '../text/json.ts';
import {
  CALL_FAILURE,
  type Explanation,
  type Failure,
  SAFE_TO_REPEAT,
  WHETHER_SAVED,
} from '../upstream/outcome.ts';
import { describeRedirect } from '../upstream/redirect.ts';
import type { RestAnswer, RestError } from './answer.ts';
import {
  callMeaning,
  type CodeMeaning,
  codeLabel,
  recordMeaning,
  type RestOperation,
  statusMeaning,
} from './codes.ts';

/** How much of Marketo's words goes on to a caller, in UTF-16 units. */
const MAX_MESSAGE_LENGTH = 2000;
/** How much of one reason goes with a pointer. */
const MAX_REASON_LENGTH = 300;

type FailedAnswer = Exclude<RestAnswer, { kind: 'success' }>;

/** The variable whose address a call went to. */
type EndpointVariable = 'MARKETO_REST_ENDPOINT' | 'MARKETO_IDENTITY_ENDPOINT';

/** A call that Marketo, or something on the way, refused as a whole. */
export function answerFailure(
  answer: FailedAnswer,
  operation: RestOperation,
  retryAfter: string | undefined,
  endpoint: EndpointVariable = 'MARKETO_REST_ENDPOINT',
): Failure {
  switch (answer.kind) {
    case 'refused': {
      const [first] = answer.errors;
      const code = first?.code ?? null;
      return {
        ...meant(callMeaning(code, operation, first?.message ?? ''), code),
        how: 'fault',
        retryAfter,
        upstream: wordsOf(answer.errors, answer.requestId),
        codeLabel: codeLabel(code),
      };
    }
    case 'http-status': {
      const { status, isHtml, redirectsTo } = answer;
      if (redirectsTo !== undefined) return redirected(status, redirectsTo, endpoint);
      const meaning = statusMeaning(status, isHtml);
      if (meaning === undefined) return unreadable(`has the HTTP status ${status}`, status);
      return { ...meant(meaning, null), how: 'unreadable', retryAfter, httpStatus: status };
    }
    case 'unreadable':
      return unreadable(answer.reason, undefined);
  }
}

/** @param reason goes on after "the answer ..." */
export function unreadable(reason: string, httpStatus?: number, cause?: unknown): Failure {
  return {
    ...CALL_FAILURE,
    how: 'unreadable',
    error: 'upstream-bad-response',
    explain: () => ({
      detail: `Marketo's answer ${reason}, so ${WHETHER_SAVED} ${SAFE_TO_REPEAT}`,
    }),
    httpStatus,
    cause,
  };
}

function redirected(status: number, redirectsTo: string | null, endpoint: EndpointVariable): Failure {
  const detail = `Marketo ${describeRedirect(status, redirectsTo)}: check the endpoint, ${endpoint}. It is not followed, so ${WHETHER_SAVED}`;
  return { ...unreadable('is a redirect', status), explain: () => ({ detail }) };
}

export function timedOut(cause: unknown): Failure {
  return {
    ...CALL_FAILURE,
    how: 'timeout',
    error: 'upstream-timeout',
    // Every call of a plan may be repeated; one that creates leads goes on with a find.
    advice: 'backoff',
    keysKeptUntilMs: 0,
    counted: 'unclear',
    explain: () => ({
      detail: `Marketo did not answer in time, so ${WHETHER_SAVED} ${SAFE_TO_REPEAT}`,
    }),
    cause,
  };
}

/** The same in words for a call that cannot have written the lead. */
export function notWritten(failure: Failure): Failure {
  return {
    ...failure,
    explain(command) {
      const { detail, ...others } = failure.explain(command);
      return { ...others, detail: detail.replace(`so ${WHETHER_SAVED}`, 'so the lead was not sent.') };
    },
  };
}

/** Marketo does not accept the gateway's credentials, so no call was made. */
export function accessDenied(message: string | undefined): Failure {
  return {
    ...CALL_FAILURE,
    how: 'fault',
    error: 'upstream-access-denied',
    counted: 'no',
    explain: () => ({
      detail:
        "Marketo does not accept this gateway's credentials. The operator must check the client id and the client secret.",
    }),
    upstream:
      message === undefined || message === '' ? undefined : { message: excerpt(message, MAX_MESSAGE_LENGTH) },
  };
}

/** A lead that is refused without a call. */
export function refusal(error: ErrorCode, detail: string, errors?: readonly MemberError[]): Failure {
  return {
    ...CALL_FAILURE,
    how: 'rejected',
    error,
    isolates: 'record',
    counted: 'no',
    explain: () => (errors === undefined ? { detail } : { detail, errors }),
  };
}

/** @param members the member or attribute of the lead that each field was written for, by REST name */
export function recordFailure(
  reasons: readonly RestError[],
  members: ReadonlyMap<string, readonly string[]>,
  requestId: string | undefined,
): Failure {
  const [first] = reasons;
  const code = first?.code ?? null;
  const meaning = recordMeaning(code);
  const named = reasons.flatMap((reason) => namedBy(reason, members));
  const errors = named.map(({ error }) => error);
  const words = wordsOf(reasons, requestId);
  return {
    ...meant(meaning, code),
    how: 'rejected',
    isolates: 'record',
    explain: (command) => {
      const usual = explained(meaning, code, command);
      if (errors.length === 0) return usual;
      const names = listNames([...new Set(named.map(({ name }) => name))]);
      return { detail: `${usual.detail} Look at ${names}.`, errors };
    },
    upstream: words,
    codeLabel: codeLabel(code),
  };
}

/** The end of a call that may have created leads is not known, and there is no time to find out. */
export function endUnknown(): Failure {
  return {
    ...CALL_FAILURE,
    how: 'timeout',
    error: 'upstream-timeout',
    retryable: true,
    counted: 'unclear',
    explain: () => ({
      detail:
        'An earlier call to Marketo with this key may still be running, so whether the lead was saved is not known. Send it again after the time in Retry-After.',
    }),
  };
}

function meant(meaning: CodeMeaning, code: number | null): Omit<Failure, 'how'> {
  const { error, advice, counted = 'yes', isolates = 'call', retryable, budgets } = meaning;
  return {
    ...CALL_FAILURE,
    error,
    advice,
    counted,
    isolates,
    retryable: retryable ?? advice !== 'never',
    ...(budgets !== undefined && { budgets }),
    explain: (command) => explained(meaning, code, command),
  };
}

/** The member that a code is about, whatever its message says. */
function explained({ detail }: CodeMeaning, code: number | null, command: UpsertLead): Explanation {
  const member = code === null ? undefined : MEMBERS[code];
  if (member === undefined || command[member[0]] === undefined) return { detail };
  return { detail, errors: [{ pointer: memberPointer(member[0]), detail: member[1] }] };
}

const MEMBERS: Readonly<Record<number, readonly ['id' | 'workspace' | 'marketoCookie', string] | undefined>> =
  {
    1004: ['id', 'is not the id of a lead in Marketo'],
    1009: ['workspace', 'has a partition that Marketo does not have'],
    1010: ['workspace', 'is not where the lead is'],
    1012: ['marketoCookie', 'is not a cookie that Marketo accepts'],
    1013: ['id', 'is not the id of a lead in Marketo'],
  };

const NAMED_FIELD = /\bfield '([^']*)'/i;

/** The member or attribute that was written for the field that a reason names, with its pointer; none if it names none. */
function namedBy(
  { code, message }: RestError,
  members: ReadonlyMap<string, readonly string[]>,
): readonly { readonly name: string; readonly error: MemberError }[] {
  const [, field = ''] = NAMED_FIELD.exec(message) ?? [];
  const path = members.get(field);
  if (path === undefined) return [];
  const detail = code === 1006 ? UNKNOWN_ATTRIBUTE : refusedWith(excerpt(message, MAX_REASON_LENGTH));
  return [{ name: path.at(-1) ?? '', error: { pointer: memberPointer(...path), detail } }];
}

function wordsOf(errors: readonly RestError[], requestId: string | undefined): UpstreamWords | undefined {
  if (errors.length === 0) return undefined;
  const [first] = errors;
  const message = errors
    .map((error) => error.message)
    .filter((text) => text !== '')
    .join('; ');
  return {
    ...(first?.code !== null && first?.code !== undefined && { code: first.code }),
    message: excerpt(message, MAX_MESSAGE_LENGTH),
    ...(requestId !== undefined && { requestId }),
  };
}
