import type { Names } from './names.ts';
import { RedisRefusal } from './redis.ts';
import {
  type AcquireReply,
  type Peer,
  readAcquireReply,
  readSyncReply,
  readTime,
  type SyncReply,
} from './replies.ts';
import { ACQUIRE, LEAVE, LOCK, RELEASE, type Script, SYNC } from './scripts.ts';

/** The book of all replicas' calls in Redis; every method is one command, and rejects when it is not answered. */
export type Ledger = {
  /** Redis' clock, in ms since 1970. */
  time(): Promise<number>;
  acquire(call: CallRequest): Promise<AcquireReply>;
  release(end: CallRelease): Promise<void>;
  /** Takes the lanes of a call that runs already, as far as they are free. */
  lock(id: string, lanes: readonly string[], leaseMs: number, dayEndsAt: number): Promise<void>;
  sync(sign: SignOfLife): Promise<SyncReply>;
  leave(dayEndsAt: number): Promise<void>;
};

export type LedgerLimits = {
  readonly callsPerWindow: number;
  readonly maxConcurrent: number;
  /** Calls that may be granted before a replica has seen them. */
  readonly maxUnseen: number;
};

export type CallRequest = {
  readonly id: string;
  /** By Redis' clock as far as it is known, in ms since 1970. */
  readonly sentAt: number;
  readonly leaseMs: number;
  /** Calls of the day in all. */
  readonly dailyCalls: number;
  readonly dayEndsAt: number;
  /** The names of the lanes of each lead. */
  readonly leads: readonly (readonly string[])[];
};

export type CallRelease = {
  readonly id: string;
  readonly how: 'ended' | 'unsent';
  readonly pauseMs: number;
  /** Ms until the upstream is asked again whether the day is spent; 0: nothing new, -1: it is not. */
  readonly lookMs: number;
  readonly dayEndsAt: number;
  readonly lanes: readonly string[];
};

export type SignOfLife = {
  readonly sentAt: number;
  readonly demandPerSecond: number;
  readonly dayEndsAt: number;
  /** What a replica brings that comes, or comes back. */
  readonly memory?: Memory | undefined;
};

export type Memory = {
  /** Own calls of the day. */
  readonly today: number;
  /** All replicas' calls of the day when they were last seen, and the own ones among them. */
  readonly knownToday: number;
  readonly todayThen: number;
  readonly peers: readonly Peer[];
  /** Own calls that run, with what is left of their leases. */
  readonly running: readonly { readonly id: string; readonly leftMs: number }[];
  /** Own calls that have ended, with their age. */
  readonly ended: readonly { readonly id: string; readonly ageMs: number }[];
};

/**
 * @param send sends a command to Redis
 * @param replica this one's name among the replicas
 * @param share its part of the limits while Redis is away
 */
export function createLedger(
  send: (command: readonly string[]) => Promise<unknown>,
  {
    names,
    replica,
    share,
    limits,
  }: {
    readonly names: Names;
    readonly replica: string;
    readonly share: number;
    readonly limits: LedgerLimits;
  },
): Ledger {
  const run = async (
    { sha, source }: Script,
    dayEndsAt: number,
    lanes: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> => {
    const keys = [...names.fixed, names.day(dayEndsAt), ...lanes];
    const rest = [String(keys.length), ...keys, ...args.map(String)];
    try {
      return await send(['EVALSHA', sha, ...rest]);
    } catch (error) {
      // A Redis that has just been started knows no script yet.
      if (error instanceof RedisRefusal && error.code === 'NOSCRIPT') return send(['EVAL', source, ...rest]);
      throw error;
    }
  };

  return {
    time: async () => readTime(await send(['TIME'])),

    async acquire({ id, sentAt, leaseMs, dailyCalls, dayEndsAt, leads }) {
      const { callsPerWindow, maxConcurrent, maxUnseen } = limits;
      const counts = leads.map(({ length }) => length);
      const args = [replica, id, Math.floor(sentAt), leaseMs, callsPerWindow, maxConcurrent, maxUnseen];
      return readAcquireReply(await run(ACQUIRE, dayEndsAt, leads.flat(), [...args, dailyCalls, ...counts]));
    },

    async release({ id, how, pauseMs, lookMs, dayEndsAt, lanes }) {
      await run(RELEASE, dayEndsAt, lanes, [replica, id, how, Math.ceil(pauseMs), Math.ceil(lookMs)]);
    },

    async lock(id, lanes, leaseMs, dayEndsAt) {
      await run(LOCK, dayEndsAt, lanes, [id, Math.ceil(leaseMs)]);
    },

    async sync({ sentAt, demandPerSecond, dayEndsAt, memory }) {
      const args = [replica, Math.floor(sentAt), share, demandPerSecond.toFixed(2)];
      return readSyncReply(
        await run(SYNC, dayEndsAt, [], memory === undefined ? args : [...args, ...memoryArgs(memory)]),
      );
    },

    async leave(dayEndsAt) {
      await run(LEAVE, dayEndsAt, [], [replica]);
    },
  };
}

function memoryArgs({ today, knownToday, todayThen, peers, running, ended }: Memory): (string | number)[] {
  const numbers: (string | number)[] = [today, knownToday, todayThen, peers.length];
  return numbers.concat(
    peers.flatMap(({ id, share }) => [id, share]),
    running.length,
    running.flatMap(({ id, leftMs }) => [id, Math.ceil(leftMs)]),
    ended.length,
    ended.flatMap(({ id, ageMs }) => [id, Math.floor(ageMs)]),
  );
}
