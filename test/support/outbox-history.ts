import { randomBytes } from 'node:crypto';
import type { UpsertLead } from '../../src/leads/lead.ts';
import { createOutbox, type Outbox } from '../../src/outbox/outbox.ts';
import { type OutboxStore, StoreFailure } from '../../src/outbox/store.ts';
import { createCancellation } from '../../src/runtime/cancellation.ts';
import type { Outcome } from '../../src/upstream/outcome.ts';
import { failureOf, ORIGIN, startVirtualDispatcher } from './dispatcher.ts';
import { createVirtualClock } from './virtual-clock.ts';

export type Mode = 'up' | 'down' | 'silent' | 'busy' | 'denied';

/** `fall`: written now, or kept if it meets a problem that may pass. */
type How = 'accept' | 'wait' | 'put' | 'fall';

export type Step =
  | { readonly do: How; readonly person: number; readonly isBad: boolean; readonly replica?: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'upstream'; readonly mode: Mode }
  | { readonly do: 'store'; readonly isUp: boolean }
  /** The last lead of the person that was to be accepted, with its idempotency key again. */
  | { readonly do: 'again'; readonly person: number; readonly replica?: number }
  /** The operator removes the last lead of the person that is kept, or has all failed ones tried again. */
  | { readonly do: 'discard'; readonly person: number; readonly replica?: number }
  | { readonly do: 'retry'; readonly replica?: number }
  /** A process is killed, and started again. */
  | { readonly do: 'kill'; readonly replica?: number };

/** What a lead has been through; times are places in the order of all that happens. */
type Lead = {
  readonly person: number;
  readonly isBad: boolean;
  readonly replica: number;
  readonly submittedAt: number;
  readonly isKept: () => boolean;
  /** Of the receipt, once it is known. */
  id: string | undefined;
  /** Its request came again, perhaps to another replica. */
  isRepeated: boolean;
  isDiscarded: boolean;
  /** Direct leads go on, whatever is kept, while the store is away. */
  mayOvertake: boolean;
  readonly isDirect: boolean;
  readonly how: How;
  /** When its caller was answered that it is kept or written. */
  answeredAt: number | undefined;
  readonly storedAt: number[];
  /** It is answered that it is kept, by the id of its receipt. */
  readonly keep: (id: string) => void;
};

const HOUR = 3_600_000;

/** What makes a store of the same leads again, as a process that starts finds it. */
export type Reopen = (replica: number) => Promise<OutboxStore>;

/**
 * Plays a history on an outbox in virtual time, ends every trouble, and gives what is wrong with the order and with what is
 * left.
 *
 * @param replicas processes that share the store
 */
export async function play(steps: readonly Step[], reopen: Reopen, replicas = 1): Promise<readonly string[]> {
  const clock = createVirtualClock();
  const leads: Lead[] = [];
  const receiptFaults: string[] = [];
  let happened = 0;
  const next = () => (happened += 1);
  const world = { mode: 'up' as Mode, isStoreUp: true, ...createBusy() };

  const answerOf = (commands: readonly UpsertLead[]): Outcome | undefined => {
    const note = () => {
      for (const { attributes } of commands) leads[Number(attributes[0]?.value)]?.storedAt.push(next());
    };
    switch (world.mode) {
      case 'down':
        return failureOf({ how: 'unreachable', error: 'upstream-unreachable', counted: 'no' });
      case 'busy':
        return failureOf({ error: 'upstream-busy' });
      case 'denied':
        return failureOf({ error: 'upstream-access-denied' });
      case 'silent':
        // It is written, and the answer is lost.
        note();
        return failureOf({ how: 'timeout', error: 'upstream-timeout' });
      case 'up':
        if (commands.some(({ attributes }) => leads[Number(attributes[0]?.value)]?.isBad === true))
          return failureOf({ error: 'lead-rejected', isolates: 'record' });
        note();
        return undefined;
    }
  };

  const start = async (replica: number) => {
    const life = { isOver: false, waiting: 0 };
    const inner = await reopen(replica);
    const store = guarded(inner, () => !life.isOver && world.isStoreUp, world);
    const { dispatcher } = startVirtualDispatcher({
      clock,
      limits: { callsPerWindow: 1000, dailyCalls: 1_000_000 },
      script: ({ commands }) =>
        life.isOver
          ? failureOf({ how: 'unreachable', error: 'upstream-unreachable', counted: 'no' })
          : answerOf(commands),
    });
    const outbox = createOutbox({
      store,
      directory: dispatcher,
      goesAlone: ({ marketoCookie }) => marketoCookie !== undefined,
      clock,
      random: Math.random,
      randomBytes,
      deadlineMs: 20_000,
      maxAgeMs: 8760 * HOUR,
      retentionMs: 8760 * HOUR,
    });
    return { life, outbox, inner };
  };

  const processes: Awaited<ReturnType<typeof start>>[] = [];
  for (let replica = 0; replica < replicas; replica += 1) processes.push(await start(replica));
  const settle = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 250) {
      await clock.advance(Math.min(250, ms - passed));
      while (world.isBusy()) {
        await world.idle();
        await clock.flush();
      }
    }
  };

  const submit = (how: How, { person, isBad, replica = 0 }: Extract<Step, { do: How }>) => {
    const state = { isKept: false };
    const lead: Lead = {
      person,
      isBad,
      replica,
      submittedAt: next(),
      how,
      isDirect: how === 'put' || how === 'fall',
      mayOvertake: (how === 'put' || how === 'fall') && !world.isStoreUp,
      isKept: () => state.isKept,
      id: undefined,
      isRepeated: false,
      isDiscarded: false,
      answeredAt: undefined,
      storedAt: [],
      keep(id) {
        state.isKept = true;
        if (lead.id !== undefined && lead.id !== id && !lead.isDiscarded)
          receiptFaults.push(`lead ${leads.indexOf(lead)} has two receipts`);
        lead.id = id;
      },
    };
    leads.push(lead);
    run(lead, how, replica);
  };

  const run = (lead: Lead, how: How, replica: number) => {
    const { life, outbox } = processes[replica]!;
    const done = () => {
      if (!life.isOver) lead.answeredAt ??= next();
    };
    const keep = (id: string) => {
      if (life.isOver) return;
      lead.keep(id);
      done();
    };
    const go = async () => {
      life.waiting += 1;
      try {
        await send(outbox, commandOf(lead.person, leads.indexOf(lead)), how, keep);
        done();
      } catch {
        // It was refused, and the caller knows.
      }
      life.waiting -= 1;
    };
    void go();
  };

  const administer = (step: Extract<Step, { do: 'discard' | 'retry' }>) => {
    const { administration } = processes[step.replica ?? 0]!.outbox;
    if (step.do === 'retry') return administration.retryFailed(undefined);
    const lead = leads.findLast(({ person, id }) => person === step.person && id !== undefined);
    if (lead?.id === undefined) return undefined;
    lead.isDiscarded = true;
    return administration.discard(lead.id);
  };

  for (const step of steps) {
    switch (step.do) {
      case 'pass':
        await settle(step.ms);
        break;
      case 'upstream':
        world.mode = step.mode;
        break;
      case 'store':
        world.isStoreUp = step.isUp;
        for (const lead of leads) {
          if (!step.isUp && lead.isDirect && lead.storedAt.length === 0) lead.mayOvertake = true;
        }
        break;
      case 'kill':
        processes[step.replica ?? 0]!.life.isOver = true;
        processes[step.replica ?? 0] = await start(step.replica ?? 0);
        break;
      case 'again': {
        const lead = leads.findLast(({ person, isDirect }) => person === step.person && !isDirect);
        if (lead === undefined || lead.isDiscarded) break;
        lead.isRepeated = true;
        run(lead, 'accept', step.replica ?? 0);
        await settle(1);
        break;
      }
      case 'discard':
      case 'retry':
        // The store may be away.
        administer(step)?.catch(() => {});
        await settle(1);
        break;
      default:
        submit(step.do, step);
        await settle(1);
    }
  }
  Object.assign(world, { mode: 'up', isStoreUp: true });
  const { inner } = processes[0]!;
  const pendingNow = async () => (await inner.stats({ hourFrom: 0, dayFrom: 0 })).pending;
  const isQuiet = async () => processes.every(({ life }) => life.waiting === 0) && (await pendingNow()) === 0;
  for (let seconds = 0; seconds < 60 && !(await isQuiet()); seconds += 1) await settle(1000);
  for (let hours = 0; (await pendingNow()) > 0 && hours < 3; hours += 1) await settle(900_000);
  const pending = await pendingNow();
  for (const { life } of processes) life.isOver = true;
  await world.idle();
  return [...(pending > 0 ? [`${pending} still pending`] : []), ...receiptFaults, ...faultsOf(leads)];
}

/** A person is known by an address and, now and then, by a cookie, too. */
function commandOf(person: number, index: number): UpsertLead {
  const cookie = index % 4 === 0 ? { marketoCookie: `c${person % 2}` } : {};
  return {
    email: `person${person}@example.com`,
    attributes: [{ name: 'FirstName', value: index }],
    returnLead: false,
    ...cookie,
  };
}

async function send(
  outbox: Outbox,
  command: UpsertLead,
  how: How,
  onKept: (id: string) => void,
): Promise<void> {
  if (how === 'put') {
    const signal = createCancellation();
    await outbox.directory.upsert(command, { ...ORIGIN, signal });
    return;
  }
  if (how === 'fall') {
    const signal = createCancellation();
    const context = { ...ORIGIN, signal };
    const either = await outbox.upsertOrAccept(command, context, { ...ORIGIN, owner: 'secret k' });
    if (!('leadId' in either)) onKept(either.id);
    return;
  }
  const idempotencyKey = String(command.attributes[0]?.value);
  const { id, answerWithin } = await outbox.accept(command, { ...ORIGIN, owner: 'secret k', idempotencyKey });
  onKept(id);
  if (how === 'wait') await answerWithin(5000);
}

type Busy = ReturnType<typeof createBusy>;

/** Counts questions that are not answered yet: waiting for them must not cost the time that they need. */
function createBusy() {
  let busy = 0;
  let waiting: (() => void)[] = [];
  return {
    isBusy: () => busy > 0,
    begin() {
      busy += 1;
    },
    end() {
      busy -= 1;
      if (busy > 0) return;
      for (const resolve of waiting) resolve();
      waiting = [];
    },
    idle: () =>
      busy === 0
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            waiting.push(resolve);
          }),
  };
}

/** A store that a process has until it is killed, and that is away at times. Counts what it is asked. */
function guarded(store: OutboxStore, isThere: () => boolean, world: Busy): OutboxStore {
  const guard =
    <Argument, Result>(ask: (argument: Argument) => Promise<Result>) =>
    async (argument: Argument): Promise<Result> => {
      if (!isThere()) throw new StoreFailure('away');
      world.begin();
      try {
        return await ask(argument);
      } finally {
        world.end();
      }
    };
  return {
    ...store,
    append: guard(store.append),
    recall: guard(store.recall),
    claim: guard(store.claim),
    headsAhead: guard(store.headsAhead),
    newest: () => guard(store.newest)(undefined),
    settle: guard(store.settle),
    expire: guard(store.expire),
    find: guard(store.find),
    prune: guard(store.prune),
    stats: guard(store.stats),
    retryFailed: guard(store.retryFailed),
    discard: guard(store.discard),
  };
}

/** A lead whose caller was answered before another of the person came is written before that one, and not after it. */
function faultsOf(leads: readonly Lead[]): readonly string[] {
  const lost = leads.filter(
    ({ isKept, isBad, isDiscarded, storedAt }) => isKept() && !isBad && !isDiscarded && storedAt.length === 0,
  );
  const faults = lost.map((lead) => `lead ${leads.indexOf(lead)} is lost`);
  for (const [later, one] of leads.entries()) {
    for (const [sooner, other] of leads.slice(0, later).entries()) {
      const isOutOfOrder = other.isBad || other.isDiscarded;
      if (other.person !== one.person || isOutOfOrder || one.storedAt.length === 0 || one.mayOvertake)
        continue;
      // Direct leads of a process keep the order they came in, also where an earlier one has to be kept.
      const isOfOne = other.replica === one.replica && !one.isRepeated && !other.isRepeated;
      const isOrdered = isOfOne && other.how === 'fall' && other.isKept() && one.isDirect;
      const isAnswered = other.answeredAt !== undefined && other.answeredAt <= one.submittedAt;
      if (!isOrdered && !isAnswered && !(isOfOne && isWrittenFirst(leads, sooner, one))) continue;
      const [first = 0] = one.storedAt;
      if ((other.storedAt[0] ?? Infinity) > first) faults.push(`lead ${later} overtakes lead ${sooner}`);
      if ((other.storedAt.at(-1) ?? 0) > first) faults.push(`lead ${sooner} is written over lead ${later}`);
    }
  }
  return faults;
}

/** Whether a direct lead that was written goes before one that was accepted later: unless it stood behind one that had to be kept. */
function isWrittenFirst(leads: readonly Lead[], sooner: number, later: Lead): boolean {
  const direct = leads[sooner];
  if (direct === undefined || !direct.isDirect || later.isDirect || direct.mayOvertake) return false;
  const isBehindKept = leads
    .slice(0, sooner)
    .some(({ person, how, isKept }) => person === direct.person && how === 'fall' && isKept());
  return !direct.isKept() && direct.answeredAt !== undefined && !isBehindKept;
}
