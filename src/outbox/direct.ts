import { type ErrorCode, GatewayError } from '../leads/errors.ts';
import type { LeadDirectory, UpsertContext, UpsertLead, UpsertResult } from '../leads/lead.ts';
import { orderingKeys } from '../leads/ordering-keys.ts';
import type { AcceptedLead } from '../leads/outbox.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Deliverer } from './deliverer.ts';
import type { OutboxStore } from './store.ts';
import { clearTheWay, createTimeout } from './way.ts';

export type DirectDeps = {
  readonly store: Pick<OutboxStore, 'isEmpty' | 'mayWait' | 'headsAhead'>;
  readonly deliverer: Pick<Deliverer, 'deliverNow' | 'relieve'>;
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

/** Leads that are kept if they meet a problem, by their ordering keys, until they are written, kept or refused. */
type Undecided = Map<string, Set<Promise<void>>>;

type Writer = DirectDeps & { readonly undecided: Undecided };

export function createDirectWriter(deps: DirectDeps): DirectWriter {
  const writer: Writer = { ...deps, undecided: new Map() };
  return {
    upsert: (command, context) => upsert(writer, command, context),
    upsertOrKeep(command, context, keep) {
      const keys = orderingKeys(command);
      let isWithoutRoom = false;
      const { onNoRoom } = context;
      const watched = onNoRoom && {
        onNoRoom: (error: GatewayError) => (isWithoutRoom = onNoRoom(error)),
      };
      const ended = upsert(writer, command, { ...context, ...watched }).catch((problem: unknown) => {
        // It comes again; or no one is left to be told that it was kept.
        if (isWithoutRoom || context.signal.aborted || !isPassing(problem)) throw problem;
        return keep(problem);
      });
      enter(writer.undecided, keys, ended);
      return ended;
    },
  };
}

function upsert(writer: Writer, command: UpsertLead, context: UpsertContext): Promise<UpsertResult> {
  const { store, directory, undecided } = writer;
  if (undecided.size === 0 && store.isEmpty()) return directory.upsert(command, context);
  const keys = orderingKeys(command);
  const before = undecided.size === 0 ? [] : keys.flatMap((key) => [...(undecided.get(key) ?? [])]);
  if (before.length > 0 || store.mayWait(keys)) return upsertBehind(writer, command, context, before);
  return upsertBeside(writer, command, context);
}

function enter(undecided: Undecided, keys: readonly string[], ended: Promise<unknown>): void {
  const leave = () => {
    for (const key of keys) {
      const others = undecided.get(key);
      others?.delete(decided);
      if (others?.size === 0) undecided.delete(key);
    }
  };
  const decided = ended.then(leave, leave);
  for (const key of keys) {
    const others = undecided.get(key);
    if (others === undefined) undecided.set(key, new Set([decided]));
    else others.add(decided);
  }
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
  { directory, deliverer }: Writer,
  command: UpsertLead,
  upsertContext: UpsertContext,
): Promise<UpsertResult> {
  const result = await directory.upsert(command, upsertContext);
  deliverer.relieve();
  return result;
}

/**
 * Writes a lead once those that are kept of the same person are delivered; if they cannot go, it meets their problem.
 *
 * @param before leads of the same person that may have to be kept
 */
async function upsertBehind(
  writer: Writer,
  command: UpsertLead,
  { onNoRoom: _onNoRoom, gathering: _gathering, ...context }: UpsertContext,
  before: readonly Promise<void>[],
): Promise<UpsertResult> {
  const { store, clock, deadlineMs, directory } = writer;
  const startedAt = clock.monotonicMs();
  const timeout = createTimeout(clock, deadlineMs);
  const keys = orderingKeys(command);
  const clear = async () => {
    await Promise.all(before);
    return store.mayWait(keys) ? clearTheWay(writer, keys, null, timeout.signal) : undefined;
  };
  const problem = await Promise.race([clear(), timeout.ended.then(tooLate)]);
  timeout.clear();
  if (problem !== undefined) throw problem;
  const leftMs = Math.max(1, deadlineMs - (clock.monotonicMs() - startedAt));
  const result = await directory.upsert(command, { ...context, deadlineMs: leftMs });
  writer.deliverer.relieve();
  return result;
}

function tooLate(): GatewayError {
  return new GatewayError('upstream-timeout', {
    detail:
      'Leads that were accepted before this one for the same person were not delivered before its deadline, so it was not sent. Send it again later.',
  });
}
