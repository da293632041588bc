import type { IRouter, Request, RequestHandler, Response } from 'express';
import { ANONYMOUS, hidesOutcome } from '../../../access/principal.ts';
import { GatewayError } from '../../../leads/errors.ts';
import type { LeadFields } from '../../../leads/fields.ts';
import type { AcceptedLead } from '../../../leads/outbox.ts';
import type { Gathering, LeadDirectory, UpsertContext, UpsertResult } from '../../../leads/lead.ts';
import type { Logger } from '../../../observability/logger.ts';
import { type CancelSignal, createSharedCancellation } from '../../../runtime/cancellation.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { createTimeSlice, type TimeSlice } from '../../../runtime/time-slice.ts';
import type { Access } from '../../authenticate.ts';
import type { BaseUrl } from '../../base-url.ts';
import type { BodyAccount, BodyMemory } from '../../body-memory.ts';
import { outOfMemory, readWhole, requireMediaType } from '../../request-body.ts';
import { contextOf, onFinished } from '../../request-context.ts';
import { respondStream, setHeader } from '../../respond.ts';
import { route } from '../../route.ts';
import { pointAsSent } from '../attribute-list.ts';
import { ATTRIBUTES_AS_LIST, prefersList } from '../preferences.ts';
import { callerIdOf } from '../command-context.ts';
import { isDryRun } from '../dry-run.ts';
import { suggestFor } from '../suggestions.ts';
import { type AcceptDeps, RECEIPTS } from '../accept.ts';
import { acceptedWhole, type AcceptedWhole, acceptLines, acceptList, beginBatch } from './accept.ts';
import { createBegunLine } from './begun-line.ts';
import { checkLines } from './checked-lines.ts';
import { type Delivery, deliveryOf } from './delivery.ts';
import { type Form, JSON_FORM, LINES, LINES_FORM, LIST } from './form.ts';
import { type CheckedLead, judgeAgain, problemWork } from './lead.ts';
import { readList, respondResults } from './list.ts';
import { createLineReader } from './lines.ts';
import { createResultWriter, type ResultWriter } from './results.ts';
import { closeUnread, openLines, stopping } from './line-source.ts';
import { type LeadStreams, markStreamed } from './streams.ts';
import { readUnpacked } from './unpacked.ts';
import { type Answer, type BatchRun, type BatchRunDeps, createBatchRun } from './run.ts';

export type BatchDeps = {
  readonly directory: LeadDirectory;
  /** Null: no lead is kept to be delivered later. */
  readonly accepting: AcceptDeps | null;
  /** Null: the upstream cannot tell its fields. */
  readonly fields: Pick<LeadFields, 'known'> | null;
  readonly access: Pick<Access, 'identify' | 'presentCaller'>;
  readonly bodyMemory: BodyMemory;
  readonly logger: Logger;
  readonly baseUrl: BaseUrl;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer' | 'clearTimer'>;
  readonly streams: LeadStreams;
  /** How long a lead of a batch waits for room, in ms. */
  readonly deadlineMs: number;
};

const isForm = (name: string) => name === JSON_FORM || name === LINES_FORM;
const ADVICE = `send Content-Type: ${JSON_FORM} or ${LINES_FORM}, in UTF-8`;

/** Of a batch that is one JSON text. */
const MAX_BATCH_BYTES = 8_388_608;

/** `PUT /leads/batch` (docs/rest-api.md#put-leadsbatch). */
export function serveBatches(app: IRouter, deps: BatchDeps): void {
  const slice = createTimeSlice(deps.clock.monotonicMs);
  route(app, '/leads/batch', { PUT: [deps.access.identify, putBatch({ ...deps, slice })] });
}

/** `slice`: all batches share it. */
type Deps = BatchDeps & { readonly slice: TimeSlice };

function putBatch(deps: Deps): RequestHandler {
  return async (req, res) => {
    const { caller = ANONYMOUS } = contextOf(res);
    if (hidesOutcome(caller)) throw notForPages();
    if (isDryRun(req)) throw notDry();
    const isLines = requireMediaType(req, isForm, ADVICE).name === LINES_FORM;
    const whole = acceptedWhole(deps.accepting, caller, req);
    if (whole !== undefined) {
      await (isLines ? keepLines(deps, whole, req, res) : keepList(deps, whole, req, res));
      return;
    }
    const delivery = deliveryOf(deps.directory, deps.accepting, caller, req);
    if (isLines) takeLines(deps, delivery, req, res);
    else await takeList(deps, delivery, req, res);
  };
}

function notForPages(): GatewayError {
  return new GatewayError('forbidden', {
    detail: 'A publishable key writes one lead at a time; batches need a secret key or a token.',
  });
}

/** Ignored, the parameter would do the opposite of what was asked. */
function notDry(): GatewayError {
  return new GatewayError('validation-failed', {
    detail:
      'A batch cannot be checked without writing it; check its leads one by one with PUT /leads?dryRun=true. Nothing was written.',
    errors: [{ pointer: '#/dryRun', detail: 'is not a parameter of a batch' }],
  });
}

/** A batch whose leads are known: `{"leads":[…]}`. */
async function takeList(deps: Deps, delivery: Delivery, req: Request, res: Response): Promise<void> {
  const { caller = ANONYMOUS } = contextOf(res);
  const bytes = await readBytes(deps.bodyMemory, req, res);
  const leads = await readList(bytes, caller, deps.slice);
  const account = deps.bodyMemory.open({ caller, address: undefined }, () => {});
  account.complete();
  onFinished(res, account.close);
  let at = 0;
  openBatch(deps, delivery, req, res, LIST, account, {
    next() {
      const lead = leads[at];
      at += 1;
      return lead;
    },
    isOver: () => at >= leads.length,
    readMore() {},
    // It came with one request, as a single lead does.
    judge: (lead) => lead,
  }).wake();
}

/** The same, with one receipt. */
async function keepList(deps: Deps, whole: AcceptedWhole, req: Request, res: Response): Promise<void> {
  const { caller = ANONYMOUS } = contextOf(res);
  const intake = beginBatch(whole, req, res);
  const bytes = await readBytes(deps.bodyMemory, req, res);
  const leads = await readList(bytes, caller, deps.slice);
  await acceptList(whole, intake, leads, deps.slice, res, (answers) =>
    respondResults(deps, req, res, leads, answers),
  );
}

/** A stream of leads with one receipt. */
async function keepLines(deps: Deps, whole: AcceptedWhole, req: Request, res: Response): Promise<void> {
  const intake = beginBatch(whole, req, res);
  const lines = openLines(deps, req, res);
  await acceptLines(whole, intake, lines.source, lines.account, deps.slice, res);
}

/** Never settles if the client disconnects. */
function readBytes(bodyMemory: BodyMemory, req: Request, res: Response): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    readWhole(bodyMemory, MAX_BATCH_BYTES, req, res, (failure, bytes = Buffer.alloc(0)) => {
      if (failure === undefined) resolve(bytes);
      else reject(failure);
    });
  });
}

/** A batch that is read while it is answered: a lead in each line. */
function takeLines(deps: Deps, delivery: Delivery, req: Request, res: Response): void {
  const { caller = ANONYMOUS } = contextOf(res);
  const lines = createLineReader();
  const { body, close } = readUnpacked(
    req,
    (chunk) => {
      lines.push(chunk);
      batch.wake();
    },
    () => {
      lines.end();
      batch.wake();
    },
    (failure) => batch.stop((index) => batch.results.problem(index, failure)),
  );
  const account = deps.bodyMemory.open({ caller, address: undefined }, () => {});
  // What it holds is bounded, and others are not to wait for the end of it.
  account.complete();
  // Not before other events are handled: the first leads of a process take longest.
  body.pause();
  markStreamed(req);
  const begun = createBegunLine(deps.bodyMemory, caller, () => {
    batch.stop((index) => batch.results.problem(index, outOfMemory()));
  });
  const present = deps.access.presentCaller(res);
  const checked = checkLines(lines, begun, present, () => batch.wake());
  const batch = openBatch(deps, delivery, req, res, LINES, account, {
    next: checked.next,
    isOver: checked.isDone,
    readMore() {
      if (checked.state() === 'idle') body.resume();
    },
    judge: (lead) => judgeAgain(lead, present),
  });
  const forget = deps.streams.add(() => {
    batch.stop((index) => batch.results.problem(index, stopping()));
  });
  res.once('finish', () => closeUnread(deps.clock, req));
  onFinished(res, () => {
    forget();
    begun.close();
    account.close();
    close();
  });
  void deps.slice.next().then(batch.wake);
}

type Source = Pick<BatchRunDeps<CheckedLead>, 'next' | 'isOver' | 'readMore'> & {
  /** The lead as it is taken in. */
  readonly judge: (lead: CheckedLead) => CheckedLead;
};

/** Connects leads that come with results that go. */
function openBatch(
  deps: Deps,
  delivery: Delivery,
  req: Request,
  res: Response,
  form: Form,
  account: BodyAccount,
  { judge, ...source }: Source,
): BatchRun & { readonly results: ResultWriter } {
  const signal = createSharedCancellation();
  const gathering: Gathering = { done: undefined };
  const asList = prefersList(req.headers);
  const { requestId } = contextOf(res);
  const results = createResultWriter({
    logger: deps.logger,
    requestId,
    baseUrl: deps.baseUrl(req),
    asList,
  });
  let isBegun = false;
  const begin = () => {
    if (isBegun) return form.betweenPieces;
    isBegun = true;
    if (asList) setHeader(res, 'Preference-Applied', ATTRIBUTES_AS_LIST);
    // Proxies that gather a response (nginx) would hold the results back.
    setHeader(res, 'X-Accel-Buffering', 'no');
    respondStream(res, 200, form.contentType);
    return form.start;
  };
  const run = createBatchRun<CheckedLead>({
    ...source,
    takeIn: leadTaker(deps, req, res, {
      delivery,
      signal,
      gathering,
      results,
      judge,
      end: () => run.stop(),
    }),
    account,
    outOfMemory,
    gathered: () => gathering.done?.(),
    refuse: results.problem,
    write: (texts) => res.write(begin() + texts.join(form.between) + form.afterPiece),
    finish: () => res.end(isBegun ? form.end : begin() + form.end),
    clock: deps.clock,
    slice: deps.slice,
    patienceMs: deps.deadlineMs,
  });
  res.on('drain', run.drained);
  onFinished(res, () => {
    run.abandon();
    signal.cancel();
  });
  return { ...run, results };
}

type Batch = {
  readonly delivery: Delivery;
  readonly signal: CancelSignal;
  readonly gathering: Gathering;
  readonly results: ResultWriter;
  readonly judge: Source['judge'];
  /** No lead is taken in any more. */
  readonly end: () => void;
};

/** Writes leads or keeps them, as `PUT /leads` does. */
function leadTaker(
  { accepting, fields }: BatchDeps,
  req: Request,
  res: Response,
  { delivery, signal, gathering, results, judge, end }: Batch,
): BatchRunDeps<CheckedLead>['takeIn'] {
  const request = contextOf(res);
  const { requestId, trace, caller = ANONYMOUS } = request;
  const last: { noRoom: GatewayError | undefined } = { noRoom: undefined };
  const context: UpsertContext = {
    caller: callerIdOf(caller, req),
    requestId,
    trace,
    signal,
    gathering,
    onNoRoom(error) {
      last.noRoom = error;
      return true;
    },
  };
  const whenStored = async (
    stored: ReturnType<Delivery['deliver']>,
    body: unknown,
    index: number,
    answer: Answer,
  ) => {
    let either: UpsertResult | AcceptedLead;
    try {
      either = await stored;
    } catch (error) {
      // All leads of a call may fail at the same time.
      const write = () =>
        results.problem(index, pointAsSent(suggestFor(error, request.caller ?? ANONYMOUS, fields), body));
      answer({ work: problemWork(error), write });
      return;
    }
    answer(
      'leadId' in either
        ? results.stored(index, either)
        : results.accepted(index, `${accepting?.prefix ?? ''}${RECEIPTS}/${either.id}`),
    );
  };
  return (read, index, answer) => {
    const lead = judge(read.lead);
    if ('end' in lead) {
      answer(results.problem(index, lead.end));
      end();
      return undefined;
    }
    if ('refusal' in lead) {
      answer(results.problem(index, lead.refusal));
      return undefined;
    }
    last.noRoom = undefined;
    const stored = delivery.deliver(lead.command, context);
    if (last.noRoom === undefined) void whenStored(stored, lead.body, index, answer);
    else stored.catch(() => {});
    return last.noRoom;
  };
}
