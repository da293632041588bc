import type { UpsertLead } from '../leads/lead.ts';
import { isFind } from '../leads/lookup.ts';
import type { CancelSignal } from '../runtime/cancellation.ts';
import type { Clock } from '../runtime/clock.ts';
import { nextTurn } from '../runtime/in-turns.ts';
import { isOutOfOrder } from '../upstream/answered-ids.ts';
import type { Step } from '../upstream/step.ts';
import { type CallItem, originHeaders, type Upstream } from '../upstream/upstream.ts';
import { type HttpPost, isRedirect, type PostFailure, type PostResponse } from '../transport/http-post.ts';
import { writeDescribeMObject, writeSyncLead, writeSyncMultipleLeads } from './envelope.ts';
import type { Fault } from './faults.ts';
import { createSoapFields } from './client-fields.ts';
import { type DescribeReply, LEAD_RECORD, readDescribeReply } from './fields.ts';
import { type LookupOutcome, type LookupStep, lookupStep, toLookupOutcome, writeLookup } from './lookup.ts';
import {
  type SoapBatchOutcome,
  type SoapOutcome,
  type SoapRecordOutcome,
  toBatchOutcome,
  toUpsertOutcome,
} from './outcome.ts';
import { SOAP_CONTENT_TYPE, soapAction } from '../text/soap-protocol.ts';
import { type FindReply, readFindReply } from './reply-find.ts';
import { readSyncLeadReply, readSyncMultipleLeadsReply, type RecordReply } from './reply.ts';
import { createSigner, type MarketoCredentials, type Signature, type UpstreamClock } from './signing.ts';
import { readSyncLeadReplyFast, readSyncMultipleLeadsReplyFast } from './reply-fast-path.ts';

/** Headers that a call has in addition to those of the protocol, such as a trace's; names in lower case. */
type CallHeaders = Readonly<Record<string, string>>;

/** The API with outcomes in its own words; `createSoapUpstream` gives them their meaning. */
export type SoapClient = {
  /** One attempt; never rejects. The signal cancels it as long as it is not on the wire. */
  syncLead(command: UpsertLead, signal: CancelSignal, headers?: CallHeaders): Promise<SoapOutcome>;
  /** The same for at most 300 leads, none of which has a cookie, returnLead or a workspace. */
  syncMultipleLeads(
    commands: readonly UpsertLead[],
    signal: CancelSignal,
    headers?: CallHeaders,
  ): Promise<SoapBatchOutcome>;
  /** Asks for the fields of leads. */
  describeLeads(signal: CancelSignal, headers?: CallHeaders): Promise<SoapDescribeOutcome>;
  /** Looks leads up: with `getLead` by one key, with `getMultipleLeads` by at most 100 of one type. */
  find(steps: readonly LookupStep[], signal: CancelSignal, headers?: CallHeaders): Promise<LookupOutcome>;
};

export type SoapDescribeOutcome =
  | Extract<DescribeReply, { kind: 'described' }>
  | Exclude<SoapOutcome, { kind: 'stored' | 'rejected' }>;

export type SoapClientOptions = {
  readonly post: HttpPost;
  readonly credentials: MarketoCredentials;
  readonly clock: UpstreamClock;
  readonly timeoutMs: number;
  readonly userAgent: string;
};

/**
 * Creates a client of the SOAP API. Every attempt signs, writes, sends and reads: a signed timestamp expires, so no
 * attempt reuses the body of another (docs/architecture.md#one-attempt-one-signature).
 */
export function createSoapClient(options: SoapClientOptions): SoapClient {
  const { post, clock, timeoutMs } = options;
  const signAt = createSigner(options.credentials);

  const syncLeadHeaders = headersOf('syncLead', options);
  const syncMultipleLeadsHeaders = headersOf('syncMultipleLeads', options);

  const learnTime = (fault: Fault, answer: PostResponse) => correctClock(clock, fault, answer);

  return {
    async syncLead(command, signal, headers) {
      const signature = signAt(clock.now());
      const body = writeSyncLead(command, signature, command.workspace);
      if (body.length >= LONG) await nextTurn();
      const answer = await post({ headers: joined(syncLeadHeaders, headers), body, timeoutMs, signal });
      if (answer.kind === 'failure') return failedAttempt(answer);
      const isLong = answer.body.length >= LONG;
      const read = isLong ? await inTurn(() => readOne(answer)) : readOne(answer);
      const reply = withoutSignature(read, signature.requestSignature);
      if (reply.kind === 'fault') learnTime(reply.fault, answer);
      return recordOutcome(answer, reply, command.returnLead);
    },

    async syncMultipleLeads(commands, signal, headers) {
      const isMany = commands.length >= MANY;
      if (isMany) await nextTurn();
      const signature = signAt(clock.now());
      const body = writeSyncMultipleLeads(commands, signature);
      if (isMany || body.length >= LONG) await nextTurn();
      const answer = await post({
        headers: joined(syncMultipleLeadsHeaders, headers),
        body,
        timeoutMs,
        signal,
      });
      if (answer.kind === 'failure') return failedAttempt(answer);
      const isLong = isMany || answer.body.length >= LONG;
      const reply = isLong ? await inTurn(() => readMany(answer)) : readMany(answer);
      if (reply.kind !== 'answered') {
        if (reply.kind === 'fault') learnTime(reply.fault, answer);
        return refusedCall(answer, withoutSignature(reply, signature.requestSignature));
      }
      if (reply.records.length !== commands.length) return { kind: 'mismatched' };
      const records = reply.records.map((record) =>
        recordOutcome(answer, withoutSignature(record, signature.requestSignature), false),
      );
      return isInOrder(commands, records) ? { kind: 'answered', records } : { kind: 'mismatched' };
    },

    describeLeads: (signal, headers) =>
      describeLeads(
        options,
        { headers: joined(headersOf('describeMObject', options), headers), signal },
        signAt(clock.now()),
        learnTime,
      ),
    find: createFind(options, signAt, learnTime),
  };
}

/** From this length on, in bytes or characters, writing, sending, reading and explaining a call take a turn of the event loop each. */
const LONG = 32_768;
/** Leads of a call from which on it does so too: the first calls of a process take ten times as long as later ones. */
const MANY = 32;

/** Does work in a turn of the event loop of its own. */
async function inTurn<Result>(work: () => Result): Promise<Result> {
  await nextTurn();
  const result = work();
  await nextTurn();
  return result;
}

function readOne({ body, contentType }: PostResponse) {
  return readSyncLeadReplyFast(body, contentType) ?? readSyncLeadReply(body, contentType);
}

function isInOrder(commands: readonly UpsertLead[], records: readonly SoapRecordOutcome[]): boolean {
  const asked = commands.map(({ id }) => id);
  const stored = records.map((record) => (record.kind === 'stored' ? record.result.leadId : undefined));
  return !isOutOfOrder(asked, stored);
}

function readMany({ body, contentType }: PostResponse) {
  return readSyncMultipleLeadsReplyFast(body, contentType) ?? readSyncMultipleLeadsReply(body, contentType);
}

/** Fault 20016 says that our clock is wrong; its `Date` header says what time it is. */
function correctClock(clock: UpstreamClock, fault: Fault, { date }: PostResponse): void {
  if (fault.code === 20016 && date !== undefined) clock.correct(date);
}

/** Looks leads up, with the operation for one key or that for many. */
function createFind(
  options: SoapClientOptions,
  signAt: ReturnType<typeof createSigner>,
  learnTime: (fault: Fault, answer: PostResponse) => void,
): SoapClient['find'] {
  const { post, clock, timeoutMs } = options;
  const one = headersOf('getLead', options);
  const many = headersOf('getMultipleLeads', options);
  return async (steps, signal, headers) => {
    const signature = signAt(clock.now());
    const isOne = steps.length === 1;
    const answer = await post({
      headers: joined(isOne ? one : many, headers),
      body: writeLookup(steps, signature),
      timeoutMs,
      signal,
    });
    if (answer.kind === 'failure') return failedAttempt(answer);
    const expected = isOne ? 'successGetLead' : 'successGetMultipleLeads';
    const read = readFindReply(answer.body, answer.contentType, expected);
    const reply = withoutSignature(read, signature.requestSignature);
    switch (reply.kind) {
      case 'found':
        return reply;
      case 'fault':
        learnTime(reply.fault, answer);
        return { ...reply, retryAfter: answer.retryAfter };
      case 'unreadable':
        return unreadableOutcome(answer, reply);
    }
  };
}

function headersOf(operation: string, { userAgent }: Pick<SoapClientOptions, 'userAgent'>): CallHeaders {
  return {
    'content-type': SOAP_CONTENT_TYPE,
    soapaction: soapAction(operation),
    accept: 'text/xml',
    'user-agent': userAgent,
  };
}

async function describeLeads(
  { post, timeoutMs }: Pick<SoapClientOptions, 'post' | 'timeoutMs'>,
  request: { readonly headers: CallHeaders; readonly signal: CancelSignal },
  signature: Signature,
  learnTime: (fault: Fault, answer: PostResponse) => void,
): Promise<SoapDescribeOutcome> {
  const answer = await post({ ...request, body: writeDescribeMObject(LEAD_RECORD, signature), timeoutMs });
  if (answer.kind === 'failure') return failedAttempt(answer);
  const reply = readDescribeReply(answer.body, answer.contentType);
  if (reply.kind === 'described') return reply;
  if (reply.kind === 'fault') learnTime(reply.fault, answer);
  return refusedCall(answer, withoutSignature(reply, signature.requestSignature));
}

/** All leads that can share a call can share the same one. */
const GROUP = 'syncMultipleLeads';

/** The SOAP API behind the port for upstreams: one call stores a lead. */
export function createSoapUpstream(client: SoapClient, clock: Pick<Clock, 'now' | 'monotonicMs'>): Upstream {
  return {
    fields: createSoapFields(client, clock),
    firstStep: (command) => (isFind(command) ? lookupStep(command, MAX_BATCH_SIZE) : stepOf(command)),
    call(items, context) {
      const [first] = items;
      const headers = originHeaders(context);
      if (first !== undefined && isFind(first.command)) {
        // Steps of one group are of one kind.
        const steps = items.map(({ step }) => step as LookupStep);
        return client.find(steps, context.signal, headers).then((outcome) => toLookupOutcome(outcome, steps));
      }
      if (first !== undefined && items.length === 1) {
        const sync = () => client.syncLead(first.command as UpsertLead, context.signal, headers);
        return (first.step.size >= LONG ? nextTurn().then(sync) : sync()).then(toUpsertOutcome);
      }
      return client
        .syncMultipleLeads(
          items.map(({ command }) => command as UpsertLead),
          context.signal,
          headers,
        )
        .then(toBatchOutcome);
    },
    // docs/marketo-soap.md#syncmultipleleads
    maxBatch: 300,
    maxBatchSize: MAX_BATCH_SIZE,
    operationOf: ([first, second]) =>
      OPERATIONS[isLookup(first) ? 'find' : 'upsert'][second === undefined ? 0 : 1],
  };
}

const MAX_BATCH_SIZE = 1_000_000;

/** The operation for one, and that for several. */
const OPERATIONS = {
  upsert: ['syncLead', 'syncMultipleLeads'],
  find: ['getLead', 'getMultipleLeads'],
} as const;

function isLookup(item: CallItem | undefined): boolean {
  return item !== undefined && isFind(item.command);
}

function stepOf(command: UpsertLead): Step {
  const { marketoCookie, returnLead, workspace } = command;
  const isBatchable = marketoCookie === undefined && !returnLead && workspace === undefined;
  return { group: isBatchable ? GROUP : null, size: wireSize(command), note: undefined };
}

/** Roughly how many characters a command takes on the wire; bounds a batch. */
function wireSize({ attributes, email, foreignKey }: UpsertLead): number {
  let size = 200 + (email?.length ?? 0) + (foreignKey?.id.length ?? 0);
  for (const { name, value } of attributes) {
    size += 80 + name.length + (typeof value === 'string' ? value.length : 20);
  }
  return size;
}

/** Hot path: cheaper than spreading two objects (docs/performance.md#the-hot-path). */
function joined(one: CallHeaders, other: CallHeaders | undefined): CallHeaders {
  return Object.assign({}, one, other);
}

/**
 * Cuts the signature out of the upstream's words: some servers quote the whole request in their faults, and those words
 * go on to the caller (docs/architecture.md#secrets).
 */
function withoutSignature<Reply extends RecordReply | FindReply>(reply: Reply, signature: string): Reply {
  const hide = (text: string) => text.replaceAll(new RegExp(signature, 'gi'), '(signature)');
  switch (reply.kind) {
    case 'fault':
      return { ...reply, fault: { ...reply.fault, message: hide(reply.fault.message) } };
    case 'rejected':
      return { ...reply, message: hide(reply.message) };
    case 'unreadable':
      return reply.said === undefined ? reply : { ...reply, said: hide(reply.said) };
    default:
      return reply;
  }
}

/** The body decides, whatever the HTTP status: a proxy on the way is more likely to change the status. */
function recordOutcome(answer: PostResponse, reply: RecordReply, returnLead: boolean): SoapRecordOutcome {
  switch (reply.kind) {
    case 'stored': {
      const { leadId, status, lead } = reply;
      const result = returnLead && lead !== undefined ? { leadId, status, lead } : { leadId, status };
      return { kind: 'stored', result };
    }
    case 'rejected':
      return reply;
    case 'fault':
    case 'unreadable':
      return refusedCall(answer, reply);
  }
}

/** What a reply means that is a fault, or no reply at all. */
function refusedCall(
  answer: PostResponse,
  reply: Extract<RecordReply, { kind: 'fault' | 'unreadable' }>,
): Extract<SoapOutcome, { kind: 'fault' | 'unreadable' }> {
  return reply.kind === 'fault'
    ? { ...reply, retryAfter: answer.retryAfter }
    : unreadableOutcome(answer, reply);
}

function unreadableOutcome(
  { status: httpStatus, retryAfter, redirectsTo }: PostResponse,
  reply: Extract<RecordReply, { kind: 'unreadable' }>,
): Extract<SoapOutcome, { kind: 'unreadable' }> {
  return {
    ...reply,
    httpStatus,
    retryAfter,
    ...(isRedirect(httpStatus) && { redirectsTo: redirectsTo ?? null }),
  };
}

type CallFailure = Extract<SoapOutcome, { kind: 'unreachable' | 'timeout' | 'cancelled' | 'unreadable' }>;

function failedAttempt({ reason, cause, proxyFailure }: PostFailure): CallFailure {
  const unreadable = (why: string) => ({
    kind: 'unreadable' as const,
    reason: why,
    httpStatus: null,
    retryAfter: undefined,
    cause,
  });
  switch (reason) {
    case 'connect':
      return {
        kind: 'unreachable',
        wasSent: false,
        cause,
        ...(proxyFailure !== undefined && { proxyFailure }),
      };
    case 'reset':
      return { kind: 'unreachable', wasSent: true, cause };
    case 'timeout':
      return { kind: 'timeout', cause };
    case 'cancelled':
      return { kind: 'cancelled' };
    case 'too-large':
      return { ...unreadable('is too large'), isTooLarge: true };
    case 'bad-encoding':
      return unreadable('cannot be decompressed');
    case 'not-http':
      return unreadable('is not HTTP');
  }
}
