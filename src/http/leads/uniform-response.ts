import { type ErrorCode, GatewayError } from '../../leads/errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import { PROBLEM_TYPES } from '../problems/types.ts';

/** Problems that may depend on the person, not only on the request, the gateway or the upstream as a whole. */
const ABOUT_THE_PERSON = {
  'lead-rejected': true,
  'lead-not-found': true,
  'malformed-json': false,
  'malformed-form': false,
  unauthorized: false,
  'invalid-signature': false,
  forbidden: false,
  'not-found': false,
  'method-not-allowed': false,
  'body-too-large': false,
  'unsupported-media-type': false,
  'validation-failed': false,
  'idempotency-key-reused': false,
  'rate-limited': false,
  'unknown-attribute': false,
  'upstream-error': false,
  'upstream-access-denied': false,
  'upstream-clock-skew': false,
  'daily-quota-exhausted': false,
  'upstream-busy': false,
  'upstream-unreachable': false,
  'upstream-timeout': false,
  'upstream-bad-response': false,
  unavailable: false,
  'internal-error': false,
} as const satisfies Record<ErrorCode, boolean>;

/** Protection against enumeration: callers that must not learn whether a person is known (docs/authentication.md#uniform-responses). */
export type UniformResponses = {
  /**
   * Writes a lead. Settles at the end of a step, counted from the call of this function, alike for a lead that was
   * created, updated or refused because of the person. Rejects with problems that any caller may know, without the
   * upstream's words.
   *
   * @returns the masked problem, for the log; undefined if there was none
   */
  hide(write: () => Promise<unknown>): Promise<ErrorCode | undefined>;
  /** From now on nothing waits for the end of its step: the gateway stops. */
  hurry(): void;
};

/** @param stepMs longer than the upstream usually takes, so that nearly every response is sent at the end of the first */
export function createUniformResponses(
  clock: Pick<Clock, 'setTimer' | 'clearTimer'>,
  stepMs: number,
): UniformResponses {
  const waiting = new Set<() => void>();
  let isHurried = false;

  /** Resolves at the first end of a step at which `isDone`. */
  const stepEnd = (isDone: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const end = () => {
        clock.clearTimer(timer);
        waiting.delete(endIfDone);
        resolve();
      };
      const endIfDone = () => {
        if (isDone()) end();
      };
      const onStep = () => {
        if (isDone()) end();
        else timer = clock.setTimer(onStep, stepMs);
      };
      let timer = clock.setTimer(onStep, stepMs);
      waiting.add(endIfDone);
    });

  return {
    async hide(write) {
      let isDone = false;
      // Before the work begins: a timer set when it ends would fire a little earlier or later by when that was.
      const end = stepEnd(() => isDone);
      const failure = await write().then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      isDone = true;
      if (isHurried) for (const endIfDone of waiting) endIfDone();
      await end;
      if (failure === undefined) return undefined;
      const { error } = failure;
      if (!(error instanceof GatewayError)) throw error;
      if (ABOUT_THE_PERSON[error.code]) return error.code;
      throw withoutUpstreamWords(error);
    },
    hurry() {
      isHurried = true;
      for (const endIfDone of waiting) endIfDone();
    },
  };
}

/** The upstream's words may reveal something about the person. An attribute's name came from the caller. */
function withoutUpstreamWords(error: GatewayError): GatewayError {
  if (error.upstream === undefined && error.code !== 'upstream-bad-response') return error;
  const detail = error.code === 'unknown-attribute' ? error.detail : `${PROBLEM_TYPES[error.code].title}.`;
  return error.with({ detail, upstream: undefined });
}
