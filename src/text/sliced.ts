/** Work that yields where other work may run: a mebibyte of input holds the event loop up for many milliseconds. */
export type Sliced<Result> = Generator<undefined, Result>;

/** Does the work without a pause. */
export function atOnce<Result>(work: Sliced<Result>): Result {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
