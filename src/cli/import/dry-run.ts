import { CommandFailure, print } from '../command.ts';
import type { Row, Source } from './row.ts';
import type { Gateway } from './send.ts';

/** Rows that are asked for at the same time. */
const TOGETHER = 16;

/**
 * Prints every row that the gateway would refuse; nothing is stored. Gives the exit code.
 *
 * @throws {CommandFailure} 1 if the gateway does not answer, or does not let the caller in
 */
export async function dryRun(
  source: Pick<Source, 'rows'>,
  gateway: Pick<Gateway, 'dryRun'>,
): Promise<number> {
  let rows = 0;
  let refused = 0;
  const check = async (row: Row) => ({ row, result: await gateway.dryRun(row) });
  let open: Promise<{ row: Row; result: Awaited<ReturnType<Gateway['dryRun']>> }>[] = [];
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
  print(`${rows} rows, ${refused === 0 ? 'none' : refused} of them would be refused\n`);
  return refused > 0 ? 1 : 0;
}
