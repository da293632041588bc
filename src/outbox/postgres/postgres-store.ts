import type { Clock } from '../../runtime/clock.ts';
import { type NewLead, type OutboxStore, type Sealable, StoreFailure, UnusableStore } from '../store.ts';
import { append } from './append.ts';
import { appendBatch, findBatch } from './batches.ts';
import { claim, nextDue } from './claim.ts';
import {
  codeOf,
  type Connection,
  type ConnectionObserver,
  connectPostgres,
  isOfData,
  isPassing,
  isSilence,
} from './connection.ts';
import { type Circuit, createCircuit } from './circuit.ts';
import { expire } from './expire.ts';
import { find } from './find.ts';
import { createGroupCommit } from './group-commit.ts';
import { headsAhead } from './heads-ahead.ts';
import { heartbeat, leave } from './heartbeat.ts';
import { createLeases, type Leases } from './leases.ts';
import { list, read } from './list.ts';
import { migrate } from './migrations.ts';
import { prune } from './prune.ts';
import { findRequests } from './recall.ts';
import { discard, forget } from './remove.ts';
import { retry, retryFailed } from './retry.ts';
import { addKeyId, keyIds, rewrite, rewriteBatches, scan, scanBatches, scrub } from './seal.ts';
import { settle } from './settle.ts';
import { countPending, stats } from './stats.ts';

export type PostgresOptions = {
  /** May hold a password. */
  readonly url: string;
  readonly schema: string;
  readonly maxPending: number;
  /** Not to be shared with another replica. */
  readonly replica: string;
  /** What a call takes at most, in ms: others take nothing from a replica before its last call has ended. */
  readonly longestCallMs: number;
  readonly clock: Pick<Clock, 'now' | 'monotonicMs' | 'setTimer' | 'clearTimer'>;
  /** Does what has to be done before anything else, once the schema is there. Rejects with UnusableStore or StoreFailure. */
  readonly prepare: (store: Sealable) => Promise<void>;
  readonly observer: ConnectionObserver;
};

type Context = PostgresOptions & {
  /** How long after its last sign of life a replica's leads may be taken by others, in ms. */
  readonly aliveMs: number;
  readonly connection: Connection;
  readonly leases: Leases;
  /** For what direct leads wait for. */
  readonly briefly: Circuit;
  /** As of the last look, and what this replica has added since. */
  pending: number;
  appending: number;
  /** Resolves once the schema is as this program needs it. */
  ready: Promise<void> | undefined;
  /** Why it cannot be used until somebody acts. */
  complaint: string | undefined;
  /** Why it cannot be used now. */
  trouble: string | undefined;
  isDown: boolean;
};

/** How often a replica says that it is alive, and looks which leads it has, in ms. */
const HEARTBEAT_MS = 5000;
/** How long after the last heartbeat that came through a replica sends what it has taken, in ms. */
const SENDS_FOR_MS = 2 * HEARTBEAT_MS;
/** How long a direct lead waits for the database at most, in ms. It goes on then. */
const DIRECT_MS = 1000;
/** How often it is looked what others have accepted, in ms. */
const LOOK_EVERY_MS = 2000;

/**
 * Opens a store in PostgreSQL, which replicas share. A server that is away keeps no gateway from starting: everything fails
 * with StoreFailure until it is back.
 *
 * @throws {UnusableStore} if the server refuses the connection, or the schema is of a later version
 */
export async function openPostgresStore(options: PostgresOptions): Promise<OutboxStore> {
  const context: Context = {
    ...options,
    aliveMs: SENDS_FOR_MS + options.longestCallMs,
    connection: await connectPostgres(
      options.url,
      {
        onDown(error, isAway) {
          context.isDown = isAway;
          context.trouble = isAway
            ? 'the database of the outbox cannot be reached'
            : `the database of the outbox refuses what it has to do: ${reasonOf(error)}`;
          options.observer.onDown(error, isAway);
        },
        onUp() {
          context.isDown = false;
          context.trouble = undefined;
          options.observer.onUp();
        },
      },
      options.clock,
    ),
    leases: createLeases(),
    briefly: createCircuit({ clock: options.clock, longestMs: DIRECT_MS, isSilence }),
    pending: 0,
    appending: 0,
    ready: undefined,
    complaint: undefined,
    trouble: undefined,
    isDown: false,
  };
  try {
    await ready(context);
  } catch (error) {
    if (error instanceof UnusableStore) {
      await context.connection.close();
      throw error;
    }
  }
  return createStore(context, startHeartbeat(context));
}

/** Brings the schema up to date, once the server can be reached. */
function ready(context: Context): Promise<void> {
  context.ready ??= open(context).catch((error: unknown) => {
    context.ready = undefined;
    if (error instanceof UnusableStore) context.complaint = error.message;
    throw error;
  });
  return context.ready;
}

async function open(context: Context): Promise<void> {
  const { connection, schema, replica, prepare } = context;
  try {
    await migrate(connection, schema);
    await prepare(sealableOf(context));
    await heartbeat(connection, schema, replica, context.aliveMs);
    context.pending = await countPending(connection, schema);
    context.complaint = undefined;
  } catch (error) {
    if (error instanceof UnusableStore || isPassing(error)) throw error;
    throw new UnusableStore(`OUTBOX_URL: the database cannot be used: ${reasonOf(error)}`, { cause: error });
  }
}

/** Of PostgreSQL: it names users, databases and tables. */
function reasonOf(error: unknown): string {
  const cause = error instanceof StoreFailure ? error.cause : error;
  return `${cause instanceof Error ? cause.message : String(cause)} (${codeOf(error) ?? 'no code'})`;
}

/** Gives what stops it. */
function startHeartbeat(context: Context): () => void {
  const { connection, schema, replica, leases, clock, aliveMs } = context;
  let timer: ReturnType<Clock['setTimer']> | undefined;
  let expiry: ReturnType<Clock['setTimer']> | undefined;
  let isStopped = false;
  const expireIn = (ms: number) => {
    clock.clearTimer(expiry);
    expiry = clock.setTimer(leases.expire, Math.max(0, ms));
  };
  const tellAlive = async () => {
    try {
      await ready(context);
      const asked = leases.seqs();
      const askedAt = clock.monotonicMs();
      const held = await heartbeat(connection, schema, replica, aliveMs);
      const sendsForMs = askedAt + SENDS_FOR_MS - clock.monotonicMs();
      if (sendsForMs > 0) leases.renew();
      expireIn(sendsForMs);
      leases.keepOnly(held, asked);
      const { appending } = context;
      context.pending = (await countPending(connection, schema)) - appending;
    } catch {
      // The next one comes, and others take what this replica has if it does not.
    }
    if (!isStopped) timer = clock.setTimer(() => void tellAlive(), HEARTBEAT_MS);
  };
  timer = clock.setTimer(() => void tellAlive(), HEARTBEAT_MS);
  expireIn(SENDS_FOR_MS);
  return () => {
    isStopped = true;
    clock.clearTimer(timer);
    clock.clearTimer(expiry);
  };
}

function sealableOf({ connection, schema }: Context): Sealable {
  return {
    keyIds: () => keyIds(connection, schema),
    addKeyId: (id) => connection.transaction((sql) => addKeyId(sql, schema, id)),
    scan: (query) => scan(connection, schema, query),
    rewrite: (rows) => connection.transaction((sql) => rewrite(sql, schema, rows)),
    scanBatches: (query) => scanBatches(connection, schema, query),
    rewriteBatches: (rows) => rewriteBatches(connection, schema, rows),
    scrub: () => scrub(connection, schema),
  };
}

function createStore(context: Context, stopHeartbeat: () => void): OutboxStore {
  const { connection, schema, replica, leases } = context;
  const pending = () => Math.max(0, context.pending + context.appending);
  return {
    ...acceptingOf(context),
    ...deliveryOf(context),
    ...operatorOf(context),
    pending,
    // Others accept, too.
    isEmpty: () => false,
    mayWait: () => true,
    onLost: leases.onLost,
    warnings: () => warningsOf(context),
    async close() {
      stopHeartbeat();
      if (!context.isDown && context.ready !== undefined) {
        await leave(connection, schema, replica).catch(() => undefined);
      }
      await connection.close();
    },
  };
}

function warningsOf({ complaint, trouble }: Context): readonly string[] {
  const warning = complaint ?? trouble;
  return warning === undefined ? [] : [warning];
}

type Accepting = 'append' | 'appendBatch' | 'recall' | 'find' | 'findBatch' | 'prune';

function acceptingOf(context: Context): Pick<OutboxStore, Accepting> {
  const { connection, schema, replica, maxPending, briefly } = context;
  const room = () => Math.max(0, maxPending - context.pending);
  const appendSoon = createGroupCommit(
    (leads: readonly NewLead[]) =>
      connection.transaction((sql) => append(sql, schema, replica, leads, room())),
    isOfData,
    ({ payload }) => payload.length,
  );
  return {
    async append(lead) {
      await ready(context);
      context.appending += 1;
      try {
        const appended = await appendSoon(lead);
        if (appended.kind === 'appended') context.pending += 1;
        return appended;
      } finally {
        context.appending -= 1;
      }
    },
    async appendBatch(part) {
      await ready(context);
      const { length } = part.leads;
      context.appending += length;
      try {
        const appended = await connection.transaction((sql) =>
          appendBatch(sql, schema, replica, part, room()),
        );
        if (appended.kind === 'appended') context.pending += length;
        return appended;
      } finally {
        context.appending -= length;
      }
    },
    recall: (request) =>
      briefly(async () => {
        await ready(context);
        return (await findRequests(connection, schema, [request]))(request);
      }),
    async find(id) {
      await ready(context);
      return find(connection, schema, id);
    },
    async findBatch(query) {
      await ready(context);
      return findBatch(connection, schema, query);
    },
    async prune(finishedBefore) {
      await ready(context);
      return connection.transaction((sql) => prune(sql, schema, finishedBefore));
    },
  };
}

function deliveryOf(
  context: Context,
): Pick<OutboxStore, 'claim' | 'headsAhead' | 'newest' | 'settle' | 'expire'> {
  const { connection, schema, replica, leases, briefly } = context;
  return {
    async claim(query) {
      await ready(context);
      const { leads, late } = await leases.ask(() => claim(connection, schema, replica, query));
      if (late > 0) return { leads, nextAt: query.dueAt };
      const lookAt = query.dueAt + LOOK_EVERY_MS;
      const alone = leads.filter(({ goesAlone }) => goesAlone).length;
      const isFull = leads.length - alone === query.limit && alone === query.aloneLimit;
      if (isFull) return { leads, nextAt: null };
      const nextAt = await nextDue(connection, schema, query.dueAt).catch(() => null);
      return { leads, nextAt: Math.min(nextAt ?? lookAt, lookAt) };
    },
    headsAhead: (query) =>
      briefly(async () => {
        await ready(context);
        let elsewhere = 0;
        const { leads, late } = await leases.ask(async () => {
          const heads = await headsAhead(connection, schema, replica, query);
          elsewhere = heads.elsewhere;
          return heads.leads;
        });
        return { leads, elsewhere: elsewhere + late };
      }),
    newest: () =>
      briefly(async () => {
        await ready(context);
        const [row] = await connection.query(`SELECT coalesce(max(seq), 0) AS seq FROM ${schema}.leads`);
        return Number(row?.['seq'] ?? 0);
      }),
    async settle(settlements) {
      await ready(context);
      const fenced = leases.fence(settlements);
      context.pending -= await connection.transaction((sql) => settle(sql, schema, replica, fenced));
      leases.end(fenced);
    },
    async expire(query) {
      await ready(context);
      const expired = await connection.transaction((sql) => expire(sql, schema, replica, query));
      context.pending -= expired;
      return expired;
    },
  };
}

type Operator = 'stats' | 'list' | 'read' | 'retry' | 'retryFailed' | 'discard' | 'forget';

function operatorOf(context: Context): Pick<OutboxStore, Operator> {
  const { connection, schema } = context;
  return {
    async stats(query) {
      await ready(context);
      return stats(connection, schema, query);
    },
    async list(query) {
      await ready(context);
      return list(connection, schema, query);
    },
    async read(id) {
      await ready(context);
      return read(connection, schema, id);
    },
    async retry(query) {
      await ready(context);
      const { result, added } = await connection.transaction((sql) => retry(sql, schema, query));
      context.pending += added;
      return result;
    },
    async retryFailed(query) {
      await ready(context);
      const retried = await connection.transaction((sql) => retryFailed(sql, schema, query));
      context.pending += retried;
      return retried;
    },
    async discard(id) {
      await ready(context);
      const removed = await connection.transaction((sql) => discard(sql, schema, id));
      if (removed?.state === 'pending') context.pending -= 1;
      return removed?.seq;
    },
    async forget(query) {
      await ready(context);
      const forgotten = await connection.transaction((sql) => forget(sql, schema, query));
      context.pending -= forgotten.removed.filter(({ state }) => state === 'pending').length;
      const isLast = forgotten.next === null;
      const isOverwritten = isLast ? await scrub(connection, schema).then(isDone, isNotDone) : true;
      return { ...forgotten, isOverwritten };
    },
  };
}

const isDone = () => true;
const isNotDone = () => false;
