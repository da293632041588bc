import { inSlices } from '../../runtime/in-slices.ts';

/** Leads that share a transaction, at most: each has locks. */
const MAX_GROUP = 250;
/** How long the texts of a group may be together: several copies of them are made on the way to the server. */
const MAX_LENGTH = 2_097_152;

type Waiting<Argument, Result> = {
  readonly argument: Argument;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * One transaction at a time: what comes while it runs shares the next.
 *
 * @param isOfOne tells whether one of a group may have made it fail; then each has a transaction of its own
 * @param lengthOf how long its text is
 */
export function createGroupCommit<Argument, Result>(
  run: (group: readonly Argument[]) => Promise<readonly Result[]>,
  isOfOne: (error: unknown) => boolean,
  lengthOf: (argument: Argument) => number,
) {
  let waiting: Waiting<Argument, Result>[] = [];
  let isRunning = false;

  async function runAll(): Promise<void> {
    isRunning = true;
    // What comes together goes together.
    await Promise.resolve();
    while (waiting.length > 0) {
      const group = waiting.slice(0, sizeOfGroup());
      waiting = waiting.slice(group.length);
      await runOne(group);
    }
    isRunning = false;
  }

  /** At least one. */
  function sizeOfGroup(): number {
    let length = 0;
    const tooMany = waiting.findIndex(({ argument }, index) => {
      length += lengthOf(argument);
      return index > 0 && (index === MAX_GROUP || length > MAX_LENGTH);
    });
    return tooMany === -1 ? waiting.length : tooMany;
  }

  async function runOne(group: readonly Waiting<Argument, Result>[]): Promise<void> {
    try {
      const results = await run(group.map(({ argument }) => argument));
      inSlices(group, ({ resolve }, index) => resolve(results[index] as Result));
    } catch (error) {
      if (group.length > 1 && isOfOne(error)) {
        for (const one of group) await runOne([one]);
        return;
      }
      for (const { reject } of group) reject(error);
    }
  }

  return (argument: Argument): Promise<Result> =>
    new Promise((resolve, reject) => {
      waiting.push({ argument, resolve, reject });
      if (!isRunning) void runAll();
    });
}
