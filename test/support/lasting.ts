import { afterAll, beforeAll, onTestFinished } from 'vitest';

type End = () => unknown;

/** Where {@link shared} is starting something: what ends it. */
let ends: End[] | undefined;

/** Runs when the test ends that has started something, or the last of the tests that share it. */
export function atEnd(end: End): void {
  if (ends === undefined) onTestFinished(async () => void (await end()));
  else ends.push(end);
}

/**
 * What all tests of a file, or of a group, start together: before the first of them, until after the last. For tests that
 * leave nothing behind that another of them could notice, such as those of refusals.
 */
export function shared<Value>(start: () => Promise<Value>): () => Value {
  let started: { readonly value: Value } | undefined;
  const own: End[] = [];
  beforeAll(async () => {
    ends = own;
    try {
      started = { value: await start() };
    } finally {
      ends = undefined;
    }
  });
  afterAll(async () => {
    for (const end of own.toReversed()) await end();
  });
  return () => {
    if (started === undefined) throw new Error('what tests share is there for tests alone');
    return started.value;
  };
}
