import { NEVER } from '../runtime/cancellation.ts';
import { MAX_INT32 } from '../text/int32.ts';
import { REST_PATHS } from '../text/rest-protocol.ts';
import type { Failure } from '../upstream/outcome.ts';
import type { CallContext } from '../upstream/upstream.ts';
import { readSyncRecords, readTotal, type RestError } from './answer.ts';
import { createSend, type Send, type SendOptions } from './client-send.ts';
import { createTokenSource, type TokenSourceOptions } from './client-token.ts';
import { notWritten, recordFailure, unreadable } from './failures.ts';
import { writeSync } from './request.ts';
import type { Fact } from './step.ts';

/** Reads one fact of the subscription; returns its result, or why it could not be read. */
export async function readFactBy(
  send: Send,
  fact: Fact,
  context: Pick<CallContext, 'origins'>,
): Promise<readonly unknown[] | Failure> {
  const request = { method: 'GET', path: REST_PATHS[fact], body: '', contentType: undefined } as const;
  const sent = await send(request, 'other', { ...context, signal: NEVER });
  if (sent.kind === 'failure') return notWritten(sent.failure);
  return sent.kind === 'success' && sent.result !== undefined
    ? sent.result
    : notWritten(unreadable('has no result'));
}

const USAGE = { method: 'GET', path: REST_PATHS.usage, body: '', contentType: undefined } as const;

/** The calls that all integrations of the subscription have made today. */
export async function callsTodayBy(send: Send): Promise<number | Failure> {
  const sent = await send(USAGE, 'other', { signal: NEVER, origins: [] });
  if (sent.kind === 'failure') return sent.failure;
  const total = sent.kind === 'success' ? readTotal(sent.result) : undefined;
  return total ?? unreadable('has no number of calls');
}

/** An id that no lead has: ids count up, and it is the largest possible. */
const UNUSED_ID = MAX_INT32;

const LEAD_NOT_FOUND = 1004;

/** Asks the REST API about the subscription, for commands of the operator: every call is made once. */
export type RestReader = {
  /** Undefined if identity gives a token. */
  checkToken(): Promise<Failure | undefined>;
  read(fact: Fact): Promise<readonly unknown[] | Failure>;
  callsToday(): Promise<number | Failure>;
  /**
   * One `updateOnly` by an id that no lead has, without values: it needs the right to write leads and stores nothing.
   * Undefined if Marketo skips it because there is no such lead.
   */
  checkWriting(): Promise<Failure | undefined>;
};

export function createRestReader(
  options: Omit<SendOptions, 'tokens'> & {
    readonly identity: TokenSourceOptions['post'];
    readonly credentials: Pick<TokenSourceOptions, 'clientId' | 'clientSecret'>;
    readonly clock: TokenSourceOptions['clock'];
  },
): RestReader {
  const { identity, credentials, clock, timeoutMs, userAgent } = options;
  const tokens = createTokenSource({ post: identity, ...credentials, clock, timeoutMs, userAgent });
  const send = createSend({ ...options, tokens });
  return {
    async checkToken() {
      const token = await tokens.get();
      return typeof token === 'string' ? undefined : token;
    },
    read: (fact) => readFactBy(send, fact, { origins: [] }),
    callsToday: () => callsTodayBy(send),
    checkWriting: () => checkWriting(send),
  };
}

async function checkWriting(send: Send): Promise<Failure | undefined> {
  const request = writeSync('updateOnly', 'id', undefined, [`{"id":${UNUSED_ID}}`]);
  const sent = await send(request, 'sync', { signal: NEVER, origins: [] });
  if (sent.kind === 'failure') return sent.failure;
  const records = sent.kind === 'success' ? readSyncRecords(sent.result, 1) : 'is missing';
  if (typeof records === 'string') return unreadable(records);
  const [record] = records;
  if (record?.kind !== 'skipped') return unreadable('says that a lead was stored that cannot exist');
  return isNotFound(record.reasons) ? undefined : recordFailure(record.reasons, new Map(), undefined);
}

function isNotFound(reasons: readonly RestError[]): boolean {
  return reasons.some(({ code }) => code === LEAD_NOT_FOUND);
}
