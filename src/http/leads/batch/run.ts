import type { GatewayError } from '../../../leads/errors.ts';
import type { Clock, Timer } from '../../../runtime/clock.ts';
import type { TimeSlice } from '../../../runtime/time-slice.ts';
import type { BodyAccount } from '../../body-memory.ts';

/** A lead of a batch, and how many bytes it came in; `work`: of how many usual bytes to check and answer it takes the time. */
export type BatchLead<Lead> = { readonly lead: Lead; readonly bytes: number; readonly work: number };

/** Takes a result; or the work of writing it, in bytes as above, and how: many may come at the same time. */
export type Answer = (result: string | { readonly work: number; readonly write: () => string }) => void;

export type BatchRunDeps<Lead> = {
  /** The next lead; undefined if none is there yet. */
  readonly next: () => BatchLead<Lead> | undefined;
  /** Whether `next` will never have another. */
  readonly isOver: () => boolean;
  /** Called when `next` has had none, and more is wanted. */
  readonly readMore: () => void;
  /**
   * Takes a lead in, and calls `answer` with its result, at once or in time. Never throws. Returns why there is no room for
   * it now; then it comes again.
   */
  readonly takeIn: (lead: BatchLead<Lead>, index: number, answer: Answer) => GatewayError | undefined;
  /** No more leads come at once after those that were taken in. */
  readonly gathered: () => void;
  /** The answer to a lead for which there was no room for as long as it may wait. */
  readonly refuse: (index: number, noRoom: GatewayError) => string;
  /** Writes results, in their order. False: not before `drained`. */
  readonly write: (results: readonly string[]) => boolean;
  /** All results are written. */
  readonly finish: () => void;
  /** Books the memory of leads that are under way, and of results that are not written. */
  readonly account: Pick<BodyAccount, 'book' | 'release'>;
  /** Why there is no room for a lead while memory is short. */
  readonly outOfMemory: () => GatewayError;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer' | 'clearTimer'>;
  readonly slice: TimeSlice;
  /** How long a lead may wait for room while no other of its batch is under way. */
  readonly patienceMs: number;
};

export type BatchRun = {
  /** More may be there: after `readMore`, and at the start. */
  wake(): void;
  drained(): void;
  /** No lead is taken in any more; those that are, are answered. `last` is the answer to the one that would be next. */
  stop(last?: (index: number) => string): void;
  /** Nothing is written any more. */
  abandon(): void;
};

/**
 * Leads of a batch under way at a time: enough for the calls of a subscription to be full. Bytes: of those leads, and of
 * results that wait for those before them.
 */
const MAX_LEADS = 2000;
const MAX_BYTES = 4_194_304;
/** What is done before other requests run: leads, at least and at most; those that follow slowly would go in smaller calls. */
const LEAST_LEADS = 8;
const SLICE_LEADS = 64;
const SLICE_WORK = 131_072;
/** Text that is written at a time. */
const WRITE_CHARACTERS = 65_536;
/** How long leads wait for those behind them in a stream. */
const OTHERS_MS = 20;
/** How often a lead asks again for room, at the latest. */
const ASK_AGAIN_MS = 250;

/** What a lead had more than its result is given back only if it is worth the work. */
const WORTH_BYTES = 1024;

/** `bytes`: of the lead, or of its result; `lacking`: those of them that could not be booked. */
type Slot = { text: string | undefined; bytes: number; lacking: number };

/**
 * Takes the leads of a batch in as far as there is room for them, and writes their results in order. Neither more leads nor
 * more results are held than fit in a window, so a reader that stops reading stops it (docs/rest-api.md#put-leadsbatch).
 */
// oxlint-disable-next-line max-lines-per-function -- one state machine
export function createBatchRun<Lead>(deps: BatchRunDeps<Lead>): BatchRun {
  const { account, clock, slice } = deps;
  /** Leads whose results are not written, from `first` on. */
  let slots: Slot[] = [];
  let first = 0;
  /** Results that are known and not written as texts. */
  let unwritten: { readonly slot: Slot; readonly work: number; readonly write: () => string }[] = [];
  let bytes = 0;
  let lacking = 0;
  let underWay = 0;
  let taken = 0;
  /** Those of them that do not wait for others. */
  let gathered = 0;
  let held: { readonly lead: BatchLead<Lead>; readonly sinceMs: number } | undefined;
  let timer: Timer | undefined;
  let others: Timer | undefined;
  let isBlocked = false;
  let isStopped = false;
  let isEnded = false;
  let isScheduled = false;

  const schedule = () => {
    if (isScheduled || isEnded) return;
    isScheduled = true;
    setImmediate(step);
  };

  /** Takes more or fewer bytes for a slot. */
  const resize = (slot: Slot, size: number) => {
    const more = size - slot.bytes;
    if (more < 0) {
      account.release(-more);
    } else if (!account.book(more)) {
      // The result is there and must be kept; no further lead is taken in until it is written.
      slot.lacking = more;
      lacking += more;
    }
    slot.bytes = size;
    bytes += more;
  };

  const settle = (slot: Slot, text: string) => {
    slot.text = text;
    if (text.length > slot.bytes || slot.bytes - text.length >= WORTH_BYTES) resize(slot, text.length);
  };

  /** In the order of the leads. */
  const add = (): Slot => {
    const slot: Slot = { text: undefined, bytes: 0, lacking: 0 };
    slots.push(slot);
    taken += 1;
    return slot;
  };

  const remove = (slot: Slot) => {
    account.release(slot.bytes - slot.lacking);
    bytes -= slot.bytes;
    lacking -= slot.lacking;
  };

  const answer = (text: string) => settle(add(), text);

  /** Undefined if there was room for it. */
  const tryToTakeIn = (next: BatchLead<Lead>): GatewayError | undefined => {
    if (!account.book(next.bytes)) return deps.outOfMemory();
    const index = taken;
    const slot = add();
    slot.bytes = next.bytes;
    bytes += next.bytes;
    underWay += 1;
    const noRoom = deps.takeIn(next, index, (result) => {
      // Nothing is written any more, and the account is closed.
      if (isEnded) return;
      underWay -= 1;
      if (typeof result === 'string') settle(slot, result);
      else unwritten.push({ slot, ...result });
      schedule();
    });
    if (noRoom === undefined) return undefined;
    slots.pop();
    remove(slot);
    taken -= 1;
    underWay -= 1;
    return noRoom;
  };

  /** False if there was no room for it. */
  const takeIn = (next: BatchLead<Lead>): boolean => {
    const noRoom = tryToTakeIn(next);
    if (noRoom !== undefined) {
      const sinceMs = held?.sinceMs ?? clock.monotonicMs();
      if (underWay === 0 && clock.monotonicMs() - sinceMs >= deps.patienceMs) {
        held = undefined;
        answer(deps.refuse(taken, noRoom));
        return true;
      }
      held = { lead: next, sinceMs };
      timer ??= clock.setTimer(() => {
        timer = undefined;
        schedule();
      }, ASK_AGAIN_MS);
      return false;
    }
    held = undefined;
    return true;
  };

  const flush = () => {
    while (!isBlocked && slots[first]?.text !== undefined) {
      const texts: string[] = [];
      let size = 0;
      for (
        let slot = slots[first];
        slot?.text !== undefined && size < WRITE_CHARACTERS;
        slot = slots[first]
      ) {
        texts.push(slot.text);
        size += slot.text.length;
        remove(slot);
        first += 1;
      }
      if (first > MAX_LEADS) {
        slots = slots.slice(first);
        first = 0;
      }
      isBlocked = !deps.write(texts);
    }
  };

  /** What is written before other requests run; false: not all of it. */
  const writeResults = (): boolean => {
    let work = 0;
    let at = 0;
    for (const result of unwritten) {
      if (work >= SLICE_WORK || (at > 0 && slice.isUsedUp())) break;
      at += 1;
      work += result.work;
      settle(result.slot, result.write());
    }
    unwritten = unwritten.slice(at);
    return unwritten.length === 0;
  };

  const waitForOthers = () => {
    others ??= clock.setTimer(() => {
      others = undefined;
      deps.gathered();
    }, OTHERS_MS);
  };

  const stopTimers = () => {
    clock.clearTimer(timer);
    clock.clearTimer(others);
  };

  const hasRoom = () =>
    !isStopped &&
    !isBlocked &&
    lacking === 0 &&
    slots.length - first < MAX_LEADS &&
    (bytes < MAX_BYTES || slots.length === first);

  const step = () => {
    isScheduled = false;
    if (isEnded) return;
    slice.begin();
    if (unwritten.length > 0 && !writeResults()) {
      flush();
      schedule();
      return;
    }
    flush();
    let leads = 0;
    let work = 0;
    while (hasRoom()) {
      if (leads >= SLICE_LEADS || work >= SLICE_WORK || (leads >= LEAST_LEADS && slice.isUsedUp())) {
        schedule();
        return;
      }
      const next = held?.lead ?? deps.next();
      if (next === undefined) {
        if (!deps.isOver()) deps.readMore();
        break;
      }
      leads += 1;
      work += next.work;
      if (!takeIn(next)) break;
    }
    if (taken > gathered) {
      gathered = taken;
      if (hasRoom() && held === undefined && !deps.isOver()) waitForOthers();
      else deps.gathered();
    }
    if (slots[first]?.text !== undefined && !isBlocked) schedule();
    if (slots.length === first && (isStopped || (held === undefined && deps.isOver()))) {
      isEnded = true;
      stopTimers();
      deps.finish();
    }
  };

  return {
    wake: schedule,
    drained() {
      isBlocked = false;
      schedule();
    },
    stop(last) {
      if (isStopped || isEnded) return;
      const isMoreToCome = held !== undefined || !deps.isOver();
      isStopped = true;
      held = undefined;
      if (last !== undefined && isMoreToCome) answer(last(taken));
      schedule();
    },
    abandon() {
      isEnded = true;
      stopTimers();
    },
  };
}
