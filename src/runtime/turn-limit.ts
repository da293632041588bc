/**
 * Spreads work over turns of the event loop: the first `perTurn` of a turn begin at once, the others in turns that follow, in
 * their order. What comes in bursts then holds up no one else for long.
 *
 * @returns a function to call before the work; undefined: it may begin now
 */
export function createTurnLimit(perTurn: number): () => Promise<void> | undefined {
  let begun = 0;
  let waiting: (() => void)[] = [];
  let isCounting = false;

  const nextTurn = () => {
    const released = waiting.slice(0, perTurn);
    waiting = waiting.slice(perTurn);
    begun = released.length;
    isCounting = begun > 0;
    if (isCounting) setImmediate(nextTurn);
    for (const release of released) release();
  };

  return () => {
    if (!isCounting) {
      isCounting = true;
      setImmediate(nextTurn);
    }
    if (begun < perTurn) {
      begun += 1;
      return undefined;
    }
    return new Promise((resolve) => {
      waiting.push(resolve);
    });
  };
}
