import type { GatewayError } from '../../../leads/errors.ts';
import type { Clock, Timer } from '../../../runtime/clock.ts';

/** A lead of a batch, and how many bytes it came in; `work`: of how many usual bytes to check and answer it takes the time. */
export type BatchLead<Lead> = { readonly lead: Lead; readonly bytes: number; readonly work: number };

/** What became of taking a lead in: its answer in time, or that it cannot wait now. */
export type TakenIn = { readonly answer: Promise<string> } | { readonly noRoom: GatewayError };

export type BatchRunDeps<Lead> = {
  /** The next lead; undefined if none is there yet. */
  readonly next: () => BatchLead<Lead> | undefined;
  /** Whether `next` will never have another. */
  readonly isOver: () => boolean;
  /** Called when `next` has had none, and more is wanted. */
  readonly readMore: () => void;
  /** Never throws, and its answer never rejects. A lead without room comes again. */
  readonly takeIn: (lead: BatchLead<Lead>, index: number) => TakenIn;
  /** No more leads come at once after those that were taken in. */
  readonly gathered: () => void;
  /** The answer to a lead for which there was no room for as long as it may wait. */
  readonly refuse: (index: number, noRoom: GatewayError) => string;
  /** Writes results, in their order. False: not before `drained`. */
  readonly write: (results: readonly string[]) => boolean;
  /** All results are written. */
  readonly finish: () => void;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer' | 'clearTimer'>;
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
/** What is done before other requests run. */
const SLICE_LEADS = 64;
const SLICE_WORK = 131_072;
/** Text that is written at a time. */
const WRITE_CHARACTERS = 65_536;
/** How long leads wait for those behind them in a stream. */
const OTHERS_MS = 20;
/** How often a lead asks again for room, at the latest. */
const ASK_AGAIN_MS = 250;

type Slot = { text: string | undefined; bytes: number };

/**
 * Takes the leads of a batch in as far as there is room for them, and writes their results in order. Neither more leads nor
 * more results are held than fit in a window, so a reader that stops reading stops it (docs/rest-api.md#put-leadsbatch).
 */
// oxlint-disable-next-line max-lines-per-function -- one state machine
export function createBatchRun<Lead>(deps: BatchRunDeps<Lead>): BatchRun {
  const { clock } = deps;
  /** Leads whose results are not written, from `first` on. */
  let slots: Slot[] = [];
  let first = 0;
  let bytes = 0;
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

  const settle = (slot: Slot, text: string) => {
    bytes += text.length - slot.bytes;
    slot.bytes = text.length;
    slot.text = text;
  };

  const addSlot = (size: number): Slot => {
    const slot: Slot = { text: undefined, bytes: size };
    slots.push(slot);
    bytes += size;
    taken += 1;
    return slot;
  };

  const answer = (text: string) => settle(addSlot(0), text);

  const whenAnswered = async (slot: Slot, answered: Promise<string>) => {
    const text = await answered;
    underWay -= 1;
    settle(slot, text);
    schedule();
  };

  /** False if there was no room for it. */
  const takeIn = (next: BatchLead<Lead>): boolean => {
    const attempt = deps.takeIn(next, taken);
    if ('noRoom' in attempt) {
      const sinceMs = held?.sinceMs ?? clock.monotonicMs();
      if (underWay === 0 && clock.monotonicMs() - sinceMs >= deps.patienceMs) {
        held = undefined;
        answer(deps.refuse(taken, attempt.noRoom));
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
    const slot = addSlot(next.bytes);
    underWay += 1;
    void whenAnswered(slot, attempt.answer);
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
        bytes -= slot.bytes;
        first += 1;
      }
      if (first > MAX_LEADS) {
        slots = slots.slice(first);
        first = 0;
      }
      isBlocked = !deps.write(texts);
    }
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
    slots.length - first < MAX_LEADS &&
    (bytes < MAX_BYTES || slots.length === first);

  const step = () => {
    isScheduled = false;
    if (isEnded) return;
    flush();
    let leads = 0;
    let work = 0;
    while (hasRoom()) {
      if (leads >= SLICE_LEADS || work >= SLICE_WORK) {
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
