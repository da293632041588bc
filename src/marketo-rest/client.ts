import type { Clock } from '../runtime/clock.ts';
import { REST_LIMITS } from '../text/rest-protocol.ts';
import type { HttpPost } from '../transport/http-post.ts';
import { isOutOfOrder } from '../upstream/answered-ids.ts';
import type { Failure, Outcome, RecordOutcome } from '../upstream/outcome.ts';
import type { CallContext, CallItem, Upstream } from '../upstream/upstream.ts';
import {
  afterAssociate,
  afterFact,
  afterFind,
  afterSync,
  leadIsGone,
  nextOf,
  recoverStep,
} from './advance.ts';
import { readSyncRecords } from './answer.ts';
import { isFind } from '../leads/lookup.ts';
import { createFacts, type Facts } from './client-facts.ts';
import { createRestFields } from './client-fields.ts';
import { callsTodayBy, readFactBy } from './client-read.ts';
import { createSend, type Send, type Sent } from './client-send.ts';
import { createTokenSource } from './client-token.ts';
import { endUnknown, unreadable } from './failures.ts';
import type { NameSettings } from './fields.ts';
import { matchFound } from './found-leads.ts';
import { afterLookup, startLookup } from './lookup.ts';
import { type PlanSettings, startPlan } from './plan.ts';
import { fitsAddress, MAX_BODY_BYTES, writeAssociate, writeFind, writeSync } from './request.ts';
import type {
  AssociateStep,
  FactStep,
  FindStep,
  LookupFactStep,
  LookupStep,
  RestStep,
  SyncStep,
} from './step.ts';
import { createUnsettledKeys, MAY_RUN_MS, type UnsettledKeys } from './unsettled-keys.ts';

export type RestUpstreamOptions = {
  /** To the origin of the API. */
  readonly post: HttpPost;
  /** To the token of identity. */
  readonly identity: HttpPost;
  readonly credentials: { readonly clientId: string; readonly clientSecret: string };
  /** What the paths of the API are below: `/rest`. */
  readonly basePath: string;
  readonly clock: Pick<Clock, 'now' | 'monotonicMs' | 'setTimer'>;
  readonly timeoutMs: number;
  readonly userAgent: string;
  readonly settings: PlanSettings & NameSettings;
};

type Client = {
  readonly send: Send;
  readonly facts: Facts;
  readonly unsettled: UnsettledKeys;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly settings: PlanSettings;
};

/** The REST API behind the port for upstreams: a lead is a short plan of calls (docs/marketo-rest.md#plans). */
export function createRestUpstream(options: RestUpstreamOptions): Upstream<RestStep> {
  const { post, identity, credentials, basePath, clock, timeoutMs, userAgent, settings } = options;
  const tokens = createTokenSource({ post: identity, ...credentials, clock, timeoutMs, userAgent });
  const client: Client = {
    send: createSend({ post, basePath, tokens, clock, timeoutMs, userAgent }),
    facts: createFacts(settings, clock),
    unsettled: createUnsettledKeys(),
    clock,
    settings,
  };
  return {
    firstStep: (command, takenOverMs) =>
      isFind(command)
        ? startLookup(command, client.facts.known(), settings)
        : startPlan(command, client.facts.known(), settings, takenOverMs),
    call: (items, context) => callOf(client, items, context),
    callsToday: () => callsTodayBy(client.send),
    fields: createRestFields({ ...client, clock }),
    mayCreateForMs: MAY_RUN_MS.sync,
    maxBatch: REST_LIMITS.records,
    maxBatchSize: MAX_LEADS_BYTES,
    operationOf: ([first]) => (first === undefined ? 'none' : OPERATIONS[first.step.kind]),
  };
}

/** What a body has room for besides what goes around its leads. */
const MAX_LEADS_BYTES = MAX_BODY_BYTES - 2000;

const OPERATIONS = {
  fact: 'describeLeads',
  'lookup-fact': 'describeLeads',
  sync: 'syncLeads',
  find: 'findLeads',
  lookup: 'findLeads',
  associate: 'associateLead',
} as const satisfies Readonly<Record<RestStep['kind'], string>>;

/** Steps of one group are of one kind, but that those of leads and of lookups may share one. */
function callOf(
  client: Client,
  items: readonly CallItem<RestStep>[],
  context: CallContext,
): Promise<Outcome> {
  const steps = items.map(({ step }) => step);
  const [first] = steps;
  switch (first?.kind) {
    case 'fact':
    case 'lookup-fact':
      return readFact(client, steps as readonly (FactStep | LookupFactStep)[], first, context);
    case 'sync':
      return sync(client, steps as readonly SyncStep[], first, context);
    case 'find':
    case 'lookup':
      return find(client, steps as readonly AnyFind[], first, context);
    case 'associate':
      return associate(client, first, context);
    case undefined:
      return Promise.resolve({ kind: 'cancelled' });
  }
}

function planContext({ facts, settings }: Client) {
  return { known: facts.known(), settings };
}

async function readFact(
  client: Client,
  steps: readonly (FactStep | LookupFactStep)[],
  { fact, staleMs }: Pick<FactStep, 'fact' | 'staleMs'>,
  context: CallContext,
): Promise<Outcome> {
  // Others may wait for it, so it is not cancelled.
  const read = () => readFactBy(client.send, fact, context);
  const { isSent, failure } = await client.facts.need(fact, staleMs, read);
  if (failure !== undefined) return isSent ? failure : { ...failure, counted: 'no' };
  const next = planContext(client);
  return {
    kind: 'answered',
    records: steps.map((step) =>
      step.kind === 'fact'
        ? afterFact(step, next)
        : nextOf(startLookup(step.lookup, next.known, next.settings)),
    ),
    isSent,
  };
}

async function sync(
  client: Client,
  steps: readonly SyncStep[],
  { action, lookupField, partition }: SyncStep,
  context: CallContext,
): Promise<Outcome> {
  const creates = action === 'createOrUpdate';
  const { unsettled, clock } = client;
  if (creates) {
    const diverted = divert(steps, unsettled, clock.monotonicMs());
    if (diverted !== undefined) return { kind: 'answered', records: diverted, isSent: false };
  }
  const request = writeSync(
    action,
    lookupField,
    partition,
    steps.map(({ json }) => json),
  );
  const sent = await client.send(request, 'sync', context);
  if (sent.kind === 'cancelled') return sent;
  const records = sent.kind === 'success' ? readRecords(sent.result, steps) : [];
  const isUnclear = typeof records === 'string' || (sent.kind === 'failure' && sent.isEndUnknown);
  const untilMs = sent.startedMs + MAY_RUN_MS.sync;
  if (isUnclear && creates) unsettled.mark(steps, untilMs, clock.monotonicMs());
  const keysKeptUntilMs = isUnclear && creates ? untilMs : 0;
  if (sent.kind === 'failure') {
    const failure = { ...sent.failure, keysKeptUntilMs };
    return creates && sent.isEndUnknown ? toRecover(steps, failure, untilMs) : failure;
  }
  if (typeof records === 'string') return { ...unreadable(records), keysKeptUntilMs };
  const next = planContext(client);
  return {
    kind: 'answered',
    records: steps.map((step, index) => {
      const record = records[index];
      return record === undefined
        ? unreadable('has no result for the lead')
        : afterSync(step, record, sent.requestId, next);
    }),
    isSent: true,
  };
}

/** The records of a sync call in the order of its leads, or why they cannot be read. */
function readRecords(
  result: readonly unknown[] | undefined,
  steps: readonly SyncStep[],
): ReturnType<typeof readSyncRecords> {
  const records = readSyncRecords(result, steps.length);
  if (typeof records === 'string' || steps[0]?.lookupField !== 'id') return records;
  const asked = steps.map(({ key }) => Number(key));
  const answered = records.map((record) => (record.kind === 'stored' ? record.id : undefined));
  return isOutOfOrder(asked, answered) ? 'has the leads in another order' : records;
}

/**
 * Leads with keys that an earlier call may still create are looked for first; the others of the call go in one of their
 * own. Undefined if all of them can be sent.
 */
function divert(
  steps: readonly SyncStep[],
  unsettled: UnsettledKeys,
  nowMs: number,
): readonly RecordOutcome[] | undefined {
  const ends = steps.map((step) => unsettled.untilMs(step, nowMs));
  if (ends.every((end) => end === undefined)) return undefined;
  return steps.map((step, index) => {
    const untilMs = ends[index];
    if (untilMs === undefined) return { kind: 'next', step };
    return whatBecame(step, untilMs);
  });
}

/** Looks for the lead of a call whose end is not known, or waits until that call must have ended. */
function whatBecame(step: SyncStep, untilMs: number): RecordOutcome {
  const recover = recoverStep(step, untilMs);
  return recover === undefined
    ? { kind: 'next', step, wait: { untilMs, failure: endUnknown() } }
    : nextOf(recover);
}

/** A failure that may pass: instead of the same call a find follows, which tells whether the lead was stored. */
function toRecover(steps: readonly SyncStep[], failure: Failure, untilMs: number): Failure {
  if (failure.advice === 'never') return failure;
  return {
    ...failure,
    error: 'upstream-timeout',
    retryable: true,
    safeAtMs: untilMs,
    retrySteps: steps.map((step) => recoverStep(step, untilMs) ?? step),
  };
}

type AnyFind = FindStep | LookupStep;

async function find(
  client: Client,
  steps: readonly AnyFind[],
  first: AnyFind,
  context: CallContext,
): Promise<Outcome> {
  const { filterType, fields, page, sentAs } = first;
  const values = [...new Set(steps.map(({ value }) => value))];
  const request = writeFind({ filterType, values, fields, pageToken: page?.token, sentAs });
  const sent = await client.send(request, 'find', context, steps.some(returnsLead));
  if (sent.kind === 'cancelled') return sent;
  if (sent.kind === 'failure') {
    const other = otherForm(sent.failure, sentAs, request);
    if (other === undefined) return goneOr(client, steps, sent.failure);
    return {
      kind: 'answered',
      records: steps.map((step) => ({
        kind: 'next',
        step: { ...step, sentAs: other, group: step.group === null ? null : `${step.group} ${other}` },
      })),
      isSent: true,
    };
  }
  return afterPage(client, steps, values, sent);
}

/** Whether what is found is shown to a caller. */
function returnsLead(step: AnyFind): boolean {
  return step.kind === 'lookup' || step.purpose.kind === 'read-back';
}

/** Marketo may refuse a long address, and a form without a content type that an old proxy has dropped. */
function otherForm(
  { httpStatus, upstream }: Failure,
  sentAs: AnyFind['sentAs'],
  request: ReturnType<typeof writeFind>,
): AnyFind['sentAs'] {
  if (sentAs !== undefined) return undefined;
  if (httpStatus === 414 && request.method === 'GET') return 'form';
  return upstream?.code === 612 && request.method === 'POST' && fitsAddress(request) ? 'address' : undefined;
}

/** More pages than the 1,000 leads that a find may match. */
const MAX_PAGES = 10;

function afterPage(
  client: Client,
  steps: readonly AnyFind[],
  values: readonly string[],
  { result, nextPageToken }: Extract<Sent, { kind: 'success' }>,
): Outcome {
  const [first] = steps;
  if (result === undefined) return unreadable('has no result');
  // Without the other pages a lead that is on one of them would count as not there.
  if (nextPageToken === null) return unreadable('has a next page that cannot be asked for');
  const matched = matchFound(result, first?.filterType ?? '', values);
  if (matched === undefined) return unreadable('has a lead without a valid id');
  const number = (first?.page?.number ?? 0) + 1;
  if (nextPageToken !== undefined && number >= MAX_PAGES) return unreadable('has too many pages');
  const next = planContext(client);
  const places = new Map(values.map((value, place) => [value, place]));
  const records = steps.map((step): RecordOutcome => {
    const own = matched.found[places.get(step.value) ?? -1] ?? [];
    const found = step.page === undefined ? own : [...step.page.found, ...own];
    if (nextPageToken !== undefined) {
      const page = { token: nextPageToken, number, found };
      return nextOf({ ...step, page, group: `${step.filterType} page ${nextPageToken}` });
    }
    // A lead of the answer does not show its value: only a find for one value tells whose it is.
    if (matched.isUnclear && found.length === 0 && steps.length > 1) {
      return nextOf({ ...step, page: undefined, group: null });
    }
    return step.kind === 'lookup'
      ? afterLookup(step, found, next.known, next.settings)
      : afterFind(step, found, next);
  });
  return { kind: 'answered', records, isSent: true };
}

async function associate(client: Client, step: AssociateStep, context: CallContext): Promise<Outcome> {
  const { plan, stored } = step;
  const request = writeAssociate(stored.leadId, plan.command.marketoCookie ?? '');
  const sent = await client.send(request, 'associate', context);
  if (sent.kind === 'cancelled') return sent;
  if (sent.kind === 'failure') return goneOr(client, [step], sent.failure);
  return { kind: 'answered', records: [afterAssociate(step, planContext(client))], isSent: true };
}

/** A lead that is not there any more concerns its own plan. */
function goneOr(client: Client, steps: readonly (AnyFind | AssociateStep)[], failure: Failure): Outcome {
  const [only] = steps;
  if (failure.error !== 'lead-not-found' || only === undefined || steps.length > 1) return failure;
  if (only.kind === 'lookup')
    return { kind: 'answered', records: [{ kind: 'found', leads: [] }], isSent: true };
  return { kind: 'answered', records: [leadIsGone(only.plan, failure, planContext(client))], isSent: true };
}
