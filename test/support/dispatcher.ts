import { onTestFinished } from 'vitest';
import { createBreaker } from '../../src/dispatch/breaker.ts';
import { createDispatcher, type Dispatcher } from '../../src/dispatch/dispatcher.ts';
import type { CallPermits } from '../../src/dispatch/permits.ts';
import { createQuota, type QuotaLimits, type Share } from '../../src/dispatch/quota.ts';
import { GatewayError } from '../../src/leads/errors.ts';
import type { CallerId, CallTiming, Origin, UpsertLead, UpsertResult } from '../../src/leads/lead.ts';
import { isFind } from '../../src/leads/lookup.ts';
import { createSoapClient, createSoapUpstream } from '../../src/marketo-soap/client.ts';
import { createUpstreamClock } from '../../src/marketo-soap/signing.ts';
import { createCancellation, type CancelSignal } from '../../src/runtime/cancellation.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { createHttpPost } from '../../src/transport/http-post.ts';
import type { Failure, Outcome } from '../../src/upstream/outcome.ts';
import type { Step } from '../../src/upstream/step.ts';
import type { CallItem, Upstream } from '../../src/upstream/upstream.ts';
import type { TestSandbox } from './sandbox.ts';
import { createVirtualClock, type VirtualClock } from './virtual-clock.ts';

/** A call that the scripted upstream has received; times are monotonic ms. */
export type ScriptedCall = {
  readonly commands: readonly UpsertLead[];
  readonly steps: readonly Step[];
  readonly startMs: number;
  /** Undefined while it runs, as `outcome` is. */
  endMs: number | undefined;
  outcome: Outcome | undefined;
};

/** How the upstream answers: an outcome, or what it is made from; undefined: every lead is stored. */
export type Script = (call: ScriptedCall, nth: number) => Outcome | undefined;

export type VirtualOptions = {
  readonly clock?: VirtualClock;
  /** In place of the scripted one. */
  readonly upstream?: Upstream<any>;
  readonly limits?: Partial<QuotaLimits>;
  readonly deadlineMs?: number;
  readonly maxQueued?: number;
  readonly maxBatch?: number;
  readonly permits?: CallPermits;
  /** What other replicas leave to this one. */
  readonly share?: Share;
  readonly random?: () => number;
  /** What a call takes, in ms. */
  readonly callMs?: number | ((call: ScriptedCall, nth: number) => number);
  /** How long a call is not on the wire yet and can be cancelled, in ms. */
  readonly connectMs?: number;
  readonly script?: Script;
  readonly groupOf?: (command: UpsertLead) => string | null;
  /** Why a lead is refused without a call. */
  readonly refuse?: (command: UpsertLead) => Failure | undefined;
};

/** What has become of a lead so far. */
export type Put = {
  readonly command: UpsertLead;
  /** When it was answered, in monotonic ms; undefined while it waits. */
  answeredAt: number | undefined;
  result: UpsertResult | undefined;
  error: unknown;
  timing: CallTiming | undefined;
  /** The client disconnects. */
  leave(): void;
};

/** Stores every lead of a call. */
function stored(commands: readonly UpsertLead[]): Outcome {
  const one = { kind: 'stored', result: { leadId: 7, status: 'CREATED' } } as const;
  return commands.length === 1 ? one : { kind: 'answered', records: commands.map(() => one) };
}

/** Roughly what a lead takes in a call. */
function sizeOf({ attributes, email }: UpsertLead): number {
  const sizes = attributes.map(({ name, value }) => name.length + String(value).length + 80);
  return sizes.reduce((sum, size) => sum + size, 200 + (email?.length ?? 0));
}

const CANCELLED: Outcome = { kind: 'cancelled' };

/** An upstream behind the port that takes virtual time and answers as a script says. */
function scriptedUpstream(
  clock: VirtualClock,
  options: VirtualOptions,
): { readonly upstream: Upstream; readonly calls: ScriptedCall[] } {
  const { callMs = 100, connectMs = 0, script } = options;
  const calls: ScriptedCall[] = [];
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      clock.setTimer(resolve, ms);
    });
  const answer = async (items: readonly CallItem[], signal: CancelSignal): Promise<Outcome> => {
    const commands = items.map(({ command }) => command as UpsertLead);
    const steps = items.map(({ step }) => step);
    const startMs = clock.monotonicMs();
    const call: ScriptedCall = { commands, steps, startMs, endMs: undefined, outcome: undefined };
    const nth = calls.push(call) - 1;
    if (connectMs > 0) await pause(connectMs);
    const isCancelled = signal.aborted;
    if (!isCancelled) await pause(typeof callMs === 'number' ? callMs : callMs(call, nth));
    call.endMs = clock.monotonicMs();
    const outcome = isCancelled ? CANCELLED : (script?.(call, nth) ?? stored(commands));
    call.outcome = outcome;
    return outcome;
  };
  const groupOf =
    options.groupOf ??
    (({ marketoCookie, returnLead, workspace }) =>
      marketoCookie === undefined && !returnLead && workspace === undefined ? '' : null);
  const upstream: Upstream = {
    firstStep: (command) =>
      isFind(command)
        ? { group: 'find', size: 200, note: undefined }
        : (options.refuse?.(command) ?? { group: groupOf(command), size: sizeOf(command), note: undefined }),
    call: (items, { signal }) => answer(items, signal),
    maxBatch: 300,
    maxBatchSize: 1_000_000,
    operationOf: ({ length }) => (length === 1 ? 'one' : 'many'),
  };
  return { upstream, calls };
}

/** A dispatcher in front of a scripted upstream, in virtual time. */
export function startVirtualDispatcher(options: VirtualOptions = {}) {
  const { clock = createVirtualClock(), limits } = options;
  const { upstream, calls } = scriptedUpstream(clock, options);
  const quota = createQuota(
    { callsPerWindow: 100, maxConcurrent: 10, dailyCalls: 10_000, ...limits },
    clock,
    options.share,
  );
  const refusals: string[] = [];
  const dispatcher = createDispatcher({
    upstream: options.upstream ?? upstream,
    quota,
    permits: options.permits,
    breaker: createBreaker({
      threshold: 5,
      minSpanMs: 2000,
      pauseMs: 1000,
      patienceMs: 3000,
      monotonicMs: clock.monotonicMs,
    }),
    clock,
    random: options.random ?? (() => 0.5),
    deadlineMs: options.deadlineMs ?? 20_000,
    maxQueued: options.maxQueued ?? 10_000,
    maxBatch: options.maxBatch ?? 300,
    observer: {
      onCall() {},
      onAnswer() {},
      onRefusal: ({ code }, waiters) => void refusals.push(`${code} ${waiters}`),
    },
  });

  /** Hands a lead to the dispatcher; a text is an email address. */
  const put = (lead: string | Partial<UpsertLead>): Put => putFor(ORIGIN.caller, lead);
  const putFor = (caller: CallerId, lead: string | Partial<UpsertLead>): Put => {
    const members = typeof lead === 'string' ? { email: lead } : lead;
    const command = { attributes: [], returnLead: false, ...members };
    const signal = createCancellation();
    const made: Put = {
      command,
      answeredAt: undefined,
      result: undefined,
      error: undefined,
      timing: undefined,
      leave: () => signal.cancel(),
    };
    const report = (timing: CallTiming) => {
      made.timing = timing;
    };
    const answered = (change: Partial<Put>) => {
      Object.assign(made, change, { answeredAt: clock.monotonicMs() });
    };
    dispatcher.upsert(command, { ...ORIGIN, caller, signal, report }).then(
      (result) => answered({ result }),
      (error: unknown) => answered({ error }),
    );
    return made;
  };
  /** How many leads each call had. */
  const sizes = () => calls.map(({ commands }) => commands.length);
  return { clock, dispatcher, quota, calls, sizes, put, putFor, refusals };
}

/** The code of the error a lead was answered with; `stored` when there was none. */
export function answerOf({ answeredAt, error }: Put): string {
  if (answeredAt === undefined) return 'waits';
  if (error === undefined) return 'stored';
  return error instanceof GatewayError ? error.code : `a defect: ${(error as Error).message}`;
}

/** Nothing is left behind of the leads that were answered: no job, no key, no timer. */
export function leftBehind({ dispatcher, quota, clock }: ReturnType<typeof startVirtualDispatcher>) {
  return {
    queued: dispatcher.queued(),
    keys: dispatcher.orderingKeys(),
    running: quota.running(),
    timers: clock.timers(),
  };
}

export const NOTHING = { queued: 0, keys: 0, running: 0, timers: 0 };

const clock = systemClock;

/**
 * A dispatcher with its client in front of a sandbox, without HTTP before it: commands arrive in the order they are
 * given, which requests on several connections do not. Closed when the test ends.
 */
export function startDispatcher(
  sandbox: TestSandbox,
  {
    maxConcurrent = 10,
    maxBatch = 300,
    callsPerWindow = 1_000_000,
    permits,
  }: {
    readonly maxConcurrent?: number;
    readonly maxBatch?: number;
    readonly callsPerWindow?: number;
    readonly permits?: CallPermits;
  } = {},
): Dispatcher {
  const http = createHttpPost({
    endpoint: new URL(sandbox.env['MARKETO_SOAP_ENDPOINT'] ?? ''),
    connections: maxConcurrent,
    maxBodyBytes: 4_194_304,
    connectTimeoutMs: 1000,
  });
  onTestFinished(() => http.close());
  return createDispatcher({
    upstream: createSoapUpstream(
      createSoapClient({
        post: http.post,
        credentials: {
          userId: sandbox.env['MARKETO_USER_ID'] ?? '',
          encryptionKey: sandbox.env['MARKETO_ENCRYPTION_KEY'] ?? '',
        },
        clock: createUpstreamClock(Date.now, () => {}),
        timeoutMs: 5000,
        userAgent: 'test',
      }),
      clock,
    ),
    quota: createQuota({ callsPerWindow, maxConcurrent, dailyCalls: 1_000_000 }, clock),
    permits,
    breaker: createBreaker({
      threshold: 5,
      minSpanMs: 0,
      pauseMs: 1000,
      patienceMs: 3000,
      monotonicMs: clock.monotonicMs,
    }),
    clock,
    random: Math.random,
    deadlineMs: 20_000,
    maxQueued: 10_000,
    maxBatch,
    observer: { onCall() {}, onAnswer() {}, onRefusal() {} },
  });
}

/** A made-up request. */
export const ORIGIN: Origin & { readonly caller: CallerId } = {
  caller: { key: 'secret k', address: undefined },
  requestId: 'r',
  trace: {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00',
    tracestate: undefined,
  },
};

/** A fault of an upstream with only what the test sets. */
export function failureOf(members: Partial<Failure> = {}): Failure {
  return {
    kind: 'failed',
    how: 'fault',
    error: 'upstream-error',
    advice: 'never',
    isolates: 'call',
    counted: 'yes',
    unknownAttributes: [],
    retryAfter: undefined,
    explain: () => ({ detail: 'No.' }),
    ...members,
  };
}
