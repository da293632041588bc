/** Does work with a turn of the event loop wherever it yields; at once if it never does. Throws or rejects as it fails. */
export function inTurns<Result>(work: Generator<undefined, Result>): Result | Promise<Result> {
  const { done, value } = work.next();
  return done === true ? value : goOn(work);
}

async function goOn<Result>(work: Generator<undefined, Result>): Promise<Result> {
  for (;;) {
    await nextTurn();
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/** Resolves once the events that have come are handled. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
