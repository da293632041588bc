import { type Clock, sleep } from '../../runtime/clock.ts';
import { CommandFailure, print } from '../command.ts';
import { verdict } from '../verdict.ts';
import type { Row, Source } from './row.ts';
import type { DryRunResult, Gateway } from './send.ts';

/** Rows that are asked for at the same time. */
const TOGETHER = 16;
/** A limit of the key's requests passes sooner. */
const MAX_ATTEMPTS = 6;
const PAUSE_MS = 1000;

/**
 * Prints every row that the gateway would refuse or that has values which may not fit; nothing is stored. Gives the exit
 * code, for which only refusals count.
 *
 * @throws {CommandFailure} 1 if the gateway does not answer, or does not let the caller in
 */
export async function dryRun(
  source: Pick<Source, 'rows'>,
  gateway: Pick<Gateway, 'dryRun'>,
  clock: Pick<Clock, 'setTimer'>,
): Promise<number> {
  const counts = { total: 0, refused: 0, doubtful: 0, unchecked: 0 };
  const check = async (row: Row) => ({ row, result: await ask(row, gateway, clock) });
  let open: Promise<{ row: Row; result: DryRunResult | undefined }>[] = [];
  const settle = async () => {
    for (const { row, result } of await Promise.all(open)) {
      if (result === undefined) throw new CommandFailure(1, ['The gateway does not answer. Check --url.']);
      if (result.status === 401 || result.isPassing)
        throw new CommandFailure(1, [`The gateway refused the dry run (${result.status}): ${result.detail}`]);
      tell(row, result, counts);
    }
    open = [];
  };
  for await (const row of source.rows()) {
    open.push(check(row));
    if (open.length === TOGETHER) await settle();
  }
  await settle();
  const { refused, unchecked } = counts;
  const more =
    unchecked === 0
      ? ''
      : `, ${unchecked} ${unchecked === 1 ? 'was' : 'were'} checked without Marketo's fields`;
  print(`${verdict('row', counts)}${more}\n`);
  return refused > 0 ? 1 : 0;
}

type Counts = Record<'total' | 'refused' | 'doubtful' | 'unchecked', number>;

/** Adds a row to the counts and prints what the gateway said of it. */
function tell({ row }: Row, { status, detail, problem, warnings }: DryRunResult, counts: Counts): void {
  counts.total += 1;
  if (status >= 300) {
    counts.refused += 1;
    print(`row ${row}: ${detail} (${problem})\n`);
    return;
  }
  // Of the whole lead: why the gateway does not know the fields. That is the same for all rows, so it is told once.
  const unread = warnings.find(({ pointer }) => pointer === '#');
  if (unread !== undefined) {
    if (counts.unchecked === 0) print(`row ${row} ${unread.detail}\n`);
    counts.unchecked += 1;
  }
  const values = warnings.filter(({ pointer }) => pointer !== '#');
  if (values.length === 0) return;
  counts.doubtful += 1;
  print(
    `row ${row}: ${values.map(({ pointer, detail: why }) => `${pointer} ${why}`).join('; ')} (warning)\n`,
  );
}

/** Asks until what passes has passed, or has not for too long. */
async function ask(
  row: Row,
  gateway: Pick<Gateway, 'dryRun'>,
  clock: Pick<Clock, 'setTimer'>,
): Promise<DryRunResult | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const result = await gateway.dryRun(row);
    if ((result !== undefined && !result.isPassing) || attempt === MAX_ATTEMPTS) return result;
    const seconds = result?.retryAfterSeconds ?? 0;
    await sleep(clock, seconds > 0 ? seconds * 1000 : PAUSE_MS * attempt);
  }
}
