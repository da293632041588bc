import { createRecyclingMap } from '../runtime/recycling-map.ts';
import type { Caller, Group, Job, Flow } from './job.ts';
import { createPriorityQueue } from './priority-queue.ts';
import { createSplitParts } from './split-parts.ts';
import { arrive, createPlace, depart, isNextFresh, nextLeaf, type Place, turnsPerOwn } from './turns.ts';

/** The jobs that may be sent now, which of them is next, and which go together (docs/dispatching.md#callers). */
export type ReadyQueue = {
  /** Makes a job ready. */
  add(job: Job): void;
  /** Lets a job, ready or not, go in the turns of another caller, too. */
  share(job: Job, caller: Caller): void;
  /** Makes jobs ready that go in one call of their own: a part of a batch that was split. */
  addPart(jobs: readonly Job[]): void;
  /**
   * Takes the jobs of the next call.
   *
   * @param onlyGathered without those that waiting could bring together with others
   */
  next(onlyGathered?: boolean): readonly Job[] | undefined;
  /** Puts back those of the jobs taken by `next` that are still wanted; a part stays one. */
  giveBack(taken: readonly Job[], wanted: readonly Job[]): void;
  /** Adds to the jobs of a call what fits of those that may share it; a new list if there were any. */
  fillUp(taken: readonly Job[]): readonly Job[];
  /** Whether `next` gave these jobs as a part of a batch that was split. */
  isPart(taken: readonly Job[]): boolean;
  /** To be called when a ready job is given up, before its state changes. */
  remove(job: Job): void;
  isEmpty(): boolean;
  /** Whether waiting longer could not make the next call carry more. */
  hasFullBatch(): boolean;
  /** Whether a job is ready that could share a call. */
  hasBatchable(): boolean;
  /** Whether a job is ready that can only go alone. */
  hasSingle(): boolean;
  /** Calls that the ready jobs take. */
  calls(): number;
  /** Whether the next turn is that of a caller that had nothing waiting. */
  isNextNew(): boolean;
  /** Calls until a job of this caller that is added now has been sent, as far as others have jobs already. */
  callsUntil(caller: Caller, group: string | null): number;
};

/** Jobs that can share a call, and jobs that can only go alone. */
export type Kind = 'batchable' | 'single';

export type ReadyQueueOptions = {
  /** Where callers take turns. */
  readonly root: Place<Flow>;
  /** Leads a call may carry. */
  readonly maxBatch: number;
  /** Characters a call may carry, roughly; a single lead may be larger. */
  readonly maxBatchSize: number;
};

/** What is ready, over all callers. */
type Totals = {
  /** Jobs that go alone. */
  singles: number;
  /** Jobs that may share a call, and the calls they take. */
  batchable: number;
  batches: number;
  fullGroups: number;
};

/** What waits, and the bounds of a call. */
type Queue = ReadyQueueOptions & {
  readonly groupNamed: (name: string) => Group;
  readonly totals: Totals;
};

/**
 * Callers take turns, a call each, then the groups of one caller do, and inside a group the oldest job goes first. A call
 * takes along what waits in the same group, the callers taking turns again (deficit round robin, Shreedhar and Varghese
 * 1996). Parts of a batch that was split alternate with all that.
 */
export function createReadyQueue(options: ReadyQueueOptions): ReadyQueue {
  const totals = { singles: 0, batchable: 0, batches: 0, fullGroups: 0 };
  const queue: Queue = { ...options, totals, groupNamed: createGroups() };
  const { root } = options;
  const parts = createSplitParts();
  /** Callers whose turn has passed without a call. */
  const keptTurns = new Set<Flow>();
  let wasPart = false;

  const add = (job: Job) => {
    job.state = 'ready';
    job.isQueued = true;
    for (const caller of job.callers) addToFlow(queue, job, caller);
    countJob(queue, job, 1);
  };

  return {
    add,
    addPart: parts.add,
    share(job, caller) {
      job.callers.push(caller);
      if (job.isQueued) addToFlow(queue, job, caller);
    },
    giveBack(taken, wanted) {
      const [first] = wanted;
      if (first === undefined) return;
      if (parts.hasGiven(taken)) {
        parts.add(wanted);
        return;
      }
      for (const job of wanted) add(job);
      const [caller] = first.callers;
      if (caller !== undefined) keptTurns.add(flowOf(queue, caller, first.group));
    },
    remove(job) {
      if (job.isQueued) takeOut(queue, job);
      else parts.remove(job);
    },
    isEmpty: () => root.ready === 0 && parts.isEmpty(),
    hasFullBatch: () => totals.fullGroups > 0 || !parts.isEmpty(),
    hasBatchable: () => totals.batchable > 0,
    hasSingle: () => totals.singles > 0,
    calls: () => totals.singles + totals.batches + parts.count(),
    isNextNew: () => isNextFresh(root),
    isPart: parts.hasGiven,
    fillUp: (taken) => fillUp(queue, taken),

    next(onlyGathered = false) {
      const mayFlow = onlyGathered ? totals.singles + totals.fullGroups > 0 : root.ready > 0;
      wasPart = !parts.isEmpty() && (!wasPart || !mayFlow);
      if (wasPart) return parts.next();
      const flow = mayFlow ? nextFlow(queue, keptTurns, onlyGathered) : undefined;
      return flow && fillCall(queue, flow);
    },

    callsUntil: (caller, group) => parts.count() + callsUntil(queue, flowOf(queue, caller, group)),
  };
}

/** The flow whose turn it is, of those that may go; there is one. The others keep their turns. */
function nextFlow(queue: Queue, keptTurns: Set<Flow>, onlyGathered: boolean): Flow | undefined {
  const mayGo = ({ group }: Flow) => !onlyGathered || group === null || isFull(queue, group);
  for (const flow of keptTurns) {
    if (flow.turn.ready > 0 && !mayGo(flow)) continue;
    keptTurns.delete(flow);
    if (flow.turn.ready > 0) return flow;
  }
  for (let flow = nextLeaf(queue.root); flow !== undefined; flow = nextLeaf(queue.root)) {
    if (mayGo(flow)) return flow;
    keptTurns.add(flow);
  }
  return undefined;
}

/** Groups by their names; those without jobs are forgotten. */
function createGroups(): Queue['groupNamed'] {
  const groups = createRecyclingMap<string, Group>(({ flows }) => flows > 0);
  return (name) => {
    const known = groups.get(name);
    if (known !== undefined) return known;
    const group: Group = { name, fill: createPlace<Flow>(), flows: 0, count: 0, size: 0, calls: 0 };
    groups.set(name, group);
    return group;
  };
}

/** Flows that a caller keeps when they are empty. */
const MAX_IDLE_FLOWS = 8;

function flowOf(queue: Queue, caller: Caller, groupName: string | null): Flow {
  for (const flow of caller.flows) {
    if (groupName === null ? flow.group === null : flow.group?.name === groupName) {
      if (flow.group === null || flow.group.flows > 0) return flow;
      if (queue.groupNamed(flow.group.name) === flow.group) return flow;
      // The group was forgotten, and others have begun a new one.
      caller.flows.splice(caller.flows.indexOf(flow), 1);
      break;
    }
  }
  if (caller.flows.length >= MAX_IDLE_FLOWS) {
    const used = caller.flows.filter(({ turn, fill = turn }) => turn.ready > 0 || fill.ready > 0);
    caller.flows.splice(0, caller.flows.length, ...used);
  }
  const flow = createFlow(queue, caller, groupName);
  caller.flows.push(flow);
  return flow;
}

/** A key whose addresses take turns has flows, too: below them are those of its addresses. */
function createFlow(queue: Queue, caller: Caller, groupName: string | null): Flow {
  const group = groupName === null ? null : queue.groupNamed(groupName);
  const above = caller.parent === undefined ? undefined : flowOf(queue, caller.parent, groupName);
  const turn = createPlace<Flow>(caller.place);
  const fill = group === null ? undefined : createPlace<Flow>(above?.fill ?? group.fill, caller.hasAddresses);
  const flow: Flow = {
    caller,
    group,
    queue: createPriorityQueue<Job>(isStillQueued),
    size: 0,
    credit: 0,
    turn,
    fill,
  };
  if (caller.hasAddresses) return flow;
  turn.leaf = flow;
  if (fill !== undefined) fill.leaf = flow;
  return flow;
}

function isStillQueued({ isQueued }: Job): boolean {
  return isQueued;
}

function addToFlow(queue: Queue, job: Job, caller: Caller): void {
  const flow = flowOf(queue, caller, job.group);
  const { group, turn, fill } = flow;
  flow.queue.push(job);
  flow.size += sizeOf(queue, job);
  arrive(turn);
  if (group === null || fill === undefined) return;
  arrive(fill);
  if (turn.ready === 1) group.flows += 1;
}

function takeFromFlow(queue: Queue, job: Job, caller: Caller): void {
  const flow = flowOf(queue, caller, job.group);
  const { group, turn, fill } = flow;
  flow.size -= sizeOf(queue, job);
  depart(turn);
  if (fill !== undefined) depart(fill);
  if (turn.ready > 0) return;
  // Jobs that went in the turns of others.
  flow.queue.clear();
  flow.credit = 0;
  if (group !== null) group.flows -= 1;
}

/** Counts a job out that is sent or given up; in the queues it is skipped. */
function takeOut(queue: Queue, job: Job): void {
  job.isQueued = false;
  for (const caller of job.callers) takeFromFlow(queue, job, caller);
  countJob(queue, job, -1);
}

/** No lead fills more than one call. */
function sizeOf({ maxBatchSize }: Queue, { size }: Job): number {
  return Math.min(size, maxBatchSize);
}

function countJob(queue: Queue, job: Job, change: 1 | -1): void {
  const { totals, maxBatch, maxBatchSize } = queue;
  if (job.group === null) {
    totals.singles += change;
    return;
  }
  const group = queue.groupNamed(job.group);
  const wasFull = isFull(queue, group);
  group.count += change;
  group.size += change * sizeOf(queue, job);
  const calls = Math.max(Math.ceil(group.count / maxBatch), Math.ceil(group.size / maxBatchSize));
  totals.batches += calls - group.calls;
  totals.batchable += change;
  totals.fullGroups += Number(isFull(queue, group)) - Number(wasFull);
  group.calls = calls;
}

function isFull({ maxBatch, maxBatchSize }: Queue, { count: jobs, size }: Group): boolean {
  return jobs >= maxBatch || size >= maxBatchSize;
}

/**
 * In how many turns a flow can fill a call by itself; leads larger than a turn save up for several. More flows have smaller
 * turns, so that each has one in every call as far as it has room, and one with few leads does not wait for a round.
 */
const TURNS_PER_CALL = 16;

/** Takes the oldest job of a flow and, if it can share a call, what else fits, the flows of its group taking turns. */
function fillCall(queue: Queue, first: Flow): readonly Job[] | undefined {
  const oldest = first.queue.pop();
  if (oldest === undefined) return undefined;
  takeOut(queue, oldest);
  const { group } = first;
  const jobs = [oldest];
  if (group === null || group.count === 0) return jobs;
  first.credit -= Math.max(oldest.size, queue.maxBatchSize / queue.maxBatch);
  addToCall(queue, group, jobs, oldest.size);
  return jobs;
}

function fillUp(queue: Queue, taken: readonly Job[]): readonly Job[] {
  const [first] = taken;
  if (first === undefined || first.group === null || queue.totals.batchable === 0) return taken;
  const group = queue.groupNamed(first.group);
  if (group.count === 0) return taken;
  let size = 0;
  for (const job of taken) size += job.size;
  const jobs = [...taken];
  addToCall(queue, group, jobs, size);
  return jobs.length === taken.length ? taken : jobs;
}

/** Adds jobs of a group to a call that has jobs of this size in all, its flows taking turns, until the call is full. */
function addToCall(queue: Queue, group: Group, jobs: Job[], taken: number): void {
  const { maxBatch, maxBatchSize } = queue;
  const leastCost = maxBatchSize / maxBatch;
  const turn = Math.max(leastCost, maxBatchSize / Math.max(TURNS_PER_CALL, group.flows));
  let size = taken;
  while (jobs.length < maxBatch) {
    const flow = nextLeaf(group.fill);
    if (flow === undefined) break;
    flow.credit = Math.min(maxBatchSize, flow.credit + turn);
    for (let job = flow.queue.peek(); job !== undefined; job = flow.queue.peek()) {
      if (jobs.length === maxBatch || size + job.size > maxBatchSize) return;
      const cost = Math.max(job.size, leastCost);
      if (cost > flow.credit && group.flows > 1) break;
      flow.credit -= cost;
      size += job.size;
      jobs.push(job);
      flow.queue.pop();
      takeOut(queue, job);
    }
  }
}

/** See `ReadyQueue`. An estimate from above: all who have jobs now keep taking their turns. */
function callsUntil({ totals, maxBatch, maxBatchSize }: Queue, { group, turn, fill, size }: Flow): number {
  const own = turn.ready + 1;
  const othersPerTurn = turnsPerOwn(turn) - 1;
  if (group === null || fill === undefined) {
    const others = totals.singles - turn.ready + totals.batches;
    return own + Math.min(others, own * othersPerTurn);
  }
  const shares = turnsPerOwn(fill);
  const byCount = Math.ceil(Math.min(group.count + 1, own * shares) / maxBatch);
  const bySize = Math.ceil(Math.min(group.size, size * shares) / maxBatchSize);
  const batches = Math.max(byCount, bySize);
  const others = totals.singles + totals.batches - group.calls;
  return batches + Math.min(others, Math.ceil(batches / shares) * othersPerTurn);
}
