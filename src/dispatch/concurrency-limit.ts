/** How many calls may run at a time, and how many do. */
export type ConcurrencyLimit = {
  isFull(): boolean;
  running(): number;
  begin(): void;
  end(): void;
  /** A running call is not waited for any longer: it keeps its place until `endGivenUp`, but the limit does not count it. */
  giveUp(): void;
  endGivenUp(): void;
  /** A call was answered. */
  onAnswer(): void;
  /** A call was refused because too many ran at a time. */
  onTooMany(): void;
  /** The 20 seconds were spent: one call at a time finds out when there is room again. */
  toOne(): void;
  reset(): void;
};

/**
 * Additive increase, multiplicative decrease (AIMD), as TCP does it: a refusal lowers the limit at once, to the calls
 * that the upstream has accepted beside it; each 2n answers in a row raise a limit of n by one. Calls that were given up
 * are not among those: their end is never heard of, so that a limit they fill would stop all calls until they are forgotten.
 *
 * @param allowed calls that this process may run at a time; changes as replicas come and go
 */
export function createConcurrencyLimit(maxConcurrent: number, allowed: () => number): ConcurrencyLimit {
  let limit = maxConcurrent;
  let running = 0;
  let givenUp = 0;
  let answersSinceRefusal = 0;

  const lowerTo = (atMost: number) => {
    answersSinceRefusal = 0;
    limit = Math.max(1, Math.min(limit, atMost));
  };

  return {
    isFull: () => running >= Math.min(maxConcurrent, allowed()) || running - givenUp >= limit,
    running: () => running,
    begin() {
      running += 1;
    },
    end() {
      running -= 1;
    },
    giveUp() {
      givenUp += 1;
    },
    endGivenUp() {
      givenUp -= 1;
      running -= 1;
    },
    onAnswer() {
      answersSinceRefusal += 1;
      if (limit >= maxConcurrent || answersSinceRefusal < 2 * limit) return;
      limit += 1;
      answersSinceRefusal = 0;
    },
    onTooMany: () => lowerTo(running - givenUp),
    toOne: () => lowerTo(1),
    reset() {
      limit = maxConcurrent;
    },
  };
}
