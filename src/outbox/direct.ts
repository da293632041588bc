import { type ErrorCode, GatewayError } from '../leads/errors.ts';
import type { LeadDirectory, UpsertContext, UpsertLead, UpsertResult } from '../leads/lead.ts';
import { orderingKeys } from '../leads/ordering-keys.ts';
import type { AcceptedLead } from '../leads/outbox.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Deliverer } from './deliverer.ts';
import { ALL, boundBehind, type DirectOrder, type Waiting } from './direct-order.ts';
import type { OutboxStore } from './store.ts';
import { clearTheWay, createTimeout } from './way.ts';

export type DirectDeps = {
  readonly store: Pick<OutboxStore, 'isEmpty' | 'mayWait' | 'headsAhead' | 'newest'>;
  readonly deliverer: Pick<Deliverer, 'deliverNow' | 'relieve'>;
  /** What the deliverer waits for, too. */
  readonly order: DirectOrder;
  /** Writes leads now. */
  readonly directory: LeadDirectory;
  readonly clock: Clock;
  /** From a lead's arrival to its answer, in ms. */
  readonly deadlineMs: number;
};

/** Writes leads now, those of a person behind what came before of the same person and is kept, or may have to be. */
export type DirectWriter = LeadDirectory & {
  /** Keeps a lead that met a problem which may pass; rejects with the problem if it is not kept. */
  upsertOrKeep(
    command: UpsertLead,
    context: UpsertContext,
    keep: (problem: unknown) => Promise<AcceptedLead>,
  ): Promise<UpsertResult | AcceptedLead>;
};

export function createDirectWriter(deps: DirectDeps): DirectWriter {
  const { store, order, directory } = deps;
  return {
    upsert(command, context) {
      if (order.isEmpty() && store.isEmpty()) return directory.upsert(command, context);
      const place = placeOf(deps, command);
      if (!place.isBehind) return upsertBeside(deps, command, context);
      const { over, enters } = createEntrance();
      const written = upsertBehind(deps, command, context, place, enters);
      order.enter(place.keys, { ...place, over }, written);
      return written;
    },
    upsertOrKeep(command, context, keep) {
      const place = placeOf(deps, command);
      let isWithoutRoom = false;
      const { onNoRoom } = context;
      const watched = onNoRoom && {
        onNoRoom: (error: GatewayError) => (isWithoutRoom = onNoRoom(error)),
      };
      const watching = { ...context, ...watched };
      const written = place.isBehind
        ? upsertBehind(deps, command, watching, place, NOTHING)
        : upsertBeside(deps, command, watching);
      const ended = written.catch((problem: unknown) => {
        // It comes again; or no one is left to be told that it was kept.
        if (isWithoutRoom || context.signal.aborted || !isPassing(problem)) throw problem;
        return keep(problem);
      });
      const over = ended.then(
        (either) => !('leadId' in either),
        () => false,
      );
      order.enter(place.keys, { ...place, over }, over);
      return ended;
    },
  };
}

/** What tells that a lead is in the dispatcher, or will not be. */
function createEntrance(): { readonly over: Promise<boolean>; readonly enters: () => void } {
  let resolve: ((isKept: boolean) => void) | undefined;
  const over = new Promise<boolean>((done) => (resolve = done));
  return { over, enters: () => resolve?.(false) };
}

const NOTHING = () => {};

/** Where a direct lead stands among others of its person: behind those that came before, in front of those that come later. */
type Place = Pick<Waiting, 'arrival' | 'bound'> & {
  readonly keys: readonly string[];
  readonly isBehind: boolean;
  /** The direct leads that came before it. */
  readonly before: readonly Waiting[];
};

function placeOf({ store, order }: DirectDeps, command: UpsertLead): Place {
  const keys = orderingKeys(command);
  const before = order.isEmpty() ? [] : order.sharing(keys);
  const mayWait = !store.isEmpty() && store.mayWait(keys);
  // Direct leads go on while the store is away.
  const newest = mayWait ? store.newest().catch(() => 0) : 0;
  const arrival = Promise.all([newest, ...before.map((one) => one.arrival)]).then((all) => Math.max(...all));
  return {
    keys,
    isBehind: mayWait || before.length > 0,
    arrival,
    bound: boundBehind(arrival, before),
    before,
  };
}

/** Problems that a lead is kept for. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'upstream-busy',
  'daily-quota-exhausted',
  'upstream-unreachable',
  'upstream-timeout',
  'upstream-access-denied',
  'upstream-clock-skew',
]);

/** Whether a problem may pass, so that the lead is kept instead of refused. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof GatewayError)) return false;
  return PASSING.has(error.code) || (error.code === 'upstream-error' && error.retryable === true);
}

/** Writes a lead that has to wait for none. If it goes through, so may those that are kept. */
async function upsertBeside(
  { directory, deliverer }: DirectDeps,
  command: UpsertLead,
  upsertContext: UpsertContext,
): Promise<UpsertResult> {
  const result = await directory.upsert(command, upsertContext);
  deliverer.relieve();
  return result;
}

/**
 * Writes a lead once those of the same person that came before it are written, kept or refused; if they cannot go, it meets
 * their problem.
 *
 * @param enters called once it is in the dispatcher, or will not be
 */
async function upsertBehind(
  deps: DirectDeps,
  command: UpsertLead,
  { onNoRoom: _onNoRoom, gathering: _gathering, ...context }: UpsertContext,
  { keys, bound, before }: Place,
  enters: () => void,
): Promise<UpsertResult> {
  const { clock, deadlineMs, directory } = deps;
  const startedAt = clock.monotonicMs();
  const timeout = createTimeout(clock, deadlineMs);
  const clear = async () => {
    await Promise.all(before.map(({ over }) => over));
    const last = await bound;
    return clearTheWay(deps, keys, last === ALL ? null : last + 1, timeout.signal);
  };
  try {
    const problem = await Promise.race([clear(), timeout.ended.then(tooLate)]);
    timeout.clear();
    if (problem !== undefined) throw problem;
    const leftMs = Math.max(1, deadlineMs - (clock.monotonicMs() - startedAt));
    const written = directory.upsert(command, { ...context, deadlineMs: leftMs });
    enters();
    const result = await written;
    deps.deliverer.relieve();
    return result;
  } finally {
    enters();
  }
}

function tooLate(): GatewayError {
  return new GatewayError('upstream-timeout', {
    detail:
      'Leads that were accepted before this one for the same person were not delivered before its deadline, so it was not sent. Send it again later.',
  });
}
