import { type Clock, sleep } from '../../runtime/clock.ts';
import { CommandFailure, print } from '../command.ts';
import type { Row, Source } from './row.ts';
import type { Gateway, RowResult } from './send.ts';
import { counted } from '../../text/counted.ts';

/** Rows that are asked for at the same time. */
const TOGETHER = 16;
/** A limit of the key's requests passes sooner. */
const MAX_ATTEMPTS = 6;
const PAUSE_MS = 1000;

/**
 * Prints every row that the gateway would refuse; nothing is stored. Gives the exit code.
 *
 * @throws {CommandFailure} 1 if the gateway does not answer, or does not let the caller in
 */
export async function dryRun(
  source: Pick<Source, 'rows'>,
  gateway: Pick<Gateway, 'dryRun'>,
  clock: Pick<Clock, 'setTimer'>,
): Promise<number> {
  let rows = 0;
  let refused = 0;
  const check = async (row: Row) => ({ row, result: await ask(row, gateway, clock) });
  let open: Promise<{ row: Row; result: RowResult | undefined }>[] = [];
  const settle = async () => {
    for (const { row, result } of await Promise.all(open)) {
      if (result === undefined) throw new CommandFailure(1, ['The gateway does not answer. Check --url.']);
      if (result.status === 401 || result.isPassing)
        throw new CommandFailure(1, [`The gateway refused the dry run (${result.status}): ${result.detail}`]);
      rows += 1;
      if (result.status < 300) continue;
      refused += 1;
      print(`row ${row.row}: ${result.detail} (${result.problem})\n`);
    }
    open = [];
  };
  for await (const row of source.rows()) {
    open.push(check(row));
    if (open.length === TOGETHER) await settle();
  }
  await settle();
  print(`${counted(rows, 'row')}, ${refused === 0 ? 'none' : refused} of them would be refused\n`);
  return refused > 0 ? 1 : 0;
}

/** Asks until what passes has passed, or has not for too long. */
async function ask(
  row: Row,
  gateway: Pick<Gateway, 'dryRun'>,
  clock: Pick<Clock, 'setTimer'>,
): Promise<RowResult | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const result = await gateway.dryRun(row);
    if ((result !== undefined && !result.isPassing) || attempt === MAX_ATTEMPTS) return result;
    const seconds = result?.retryAfterSeconds ?? 0;
    await sleep(clock, seconds > 0 ? seconds * 1000 : PAUSE_MS * attempt);
  }
}
