import { type Clock, sleep } from '../../runtime/clock.ts';
import { CommandFailure } from '../command.ts';
import type { Failure, Row } from './row.ts';
import type { BatchAnswer, Gateway, RowResult } from './send.ts';

/** Rows in one request: what is sent again, at most, after a kill. */
export const BATCH_ROWS = 1000;
/** A row whose own calls fail as often is given up; 429 and 503 do not count, since they say nothing of the row. */
const MAX_ATTEMPTS = 8;
/** Attempts to reach a gateway that never answered: more likely a wrong address than an outage. */
const MAX_FIRST_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;

export type SenderDeps = {
  readonly gateway: Pick<Gateway, 'send'>;
  readonly clock: Pick<Clock, 'setTimer'>;
  /** Called before each pause. */
  readonly onPause: (why: string, ms: number) => void;
};

export type Settled = { readonly stored: number; readonly failures: readonly Failure[] };

/**
 * Sends rows until each is stored or failed for good. A row that is sent again takes the later rows of its person with it,
 * so that the last row of a person is written last.
 *
 * @throws {CommandFailure} 1 if the gateway refuses all of it, or never answered
 */
export function createSender({
  gateway,
  clock,
  onPause,
}: SenderDeps): (rows: readonly Row[]) => Promise<Settled> {
  let wasReached = false;

  return async function send(rows) {
    const settled = new Map<Row, RowResult>();
    const attempts = new Map<Row, number>();
    let open = rows;
    for (let pauses = 0; ; pauses += 1) {
      const answer = await gateway.send(open);
      if (answer.results.size > 0 || answer.refusal !== undefined) wasReached = true;
      else if (!wasReached && pauses >= MAX_FIRST_ATTEMPTS - 1) throw unreachable(answer);
      if (answer.refusal !== undefined && !answer.refusal.isPassing) throw refusedAll(answer.refusal);
      for (const [at, row] of open.entries()) {
        const result = answer.results.get(at);
        if (result === undefined) continue;
        settled.set(row, result);
        if (isOwn(result)) attempts.set(row, (attempts.get(row) ?? 0) + 1);
      }
      const before = open.length;
      open = toSendAgain(open, (row, at) => {
        const result = answer.results.get(at);
        return result === undefined || (result.isPassing && (attempts.get(row) ?? 0) < MAX_ATTEMPTS);
      });
      if (open.length === 0) return tally(rows, settled);
      if (open.length < before) pauses = 0;
      const { why, ms } = pauseAfter(answer, pauses);
      onPause(why, ms);
      await sleep(clock, ms);
    }
  };
}

/** Whether a passing problem is of the row's own call. */
function isOwn({ status, isPassing }: RowResult): boolean {
  return isPassing && status !== 429 && status !== 503;
}

/** Those rows and, for each, the later ones that share a key with it. */
function toSendAgain(rows: readonly Row[], isOpen: (row: Row, at: number) => boolean): Row[] {
  const people = new Set<string>();
  return rows.filter((row, at) => {
    if (!isOpen(row, at) && !row.keys.some((key) => people.has(key))) return false;
    for (const key of row.keys) people.add(key);
    return true;
  });
}

function tally(rows: readonly Row[], settled: ReadonlyMap<Row, RowResult>): Settled {
  const failures = rows.flatMap((row): Failure[] => {
    const result = settled.get(row);
    if (result === undefined || result.status < 300) return [];
    return [{ row, status: result.status, problem: result.problem, detail: result.detail }];
  });
  return { stored: rows.length - failures.length, failures };
}

function pauseAfter({ results, refusal, lost }: BatchAnswer, pauses: number): { why: string; ms: number } {
  const passing = [...results.values(), ...(refusal ? [refusal] : [])].filter(({ isPassing }) => isPassing);
  const seconds = Math.max(0, ...passing.map(({ retryAfterSeconds }) => retryAfterSeconds));
  const backoff = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(pauses, 10));
  const why = passing.at(-1)?.detail ?? `The connection was lost${lost === undefined ? '' : ` (${lost})`}.`;
  return { why, ms: seconds > 0 ? seconds * 1000 : backoff };
}

function refusedAll({ status, detail }: RowResult): CommandFailure {
  const hint = status === 401 || status === 403 ? ' Check the key, then run the same command again.' : '';
  return new CommandFailure(1, [`The gateway refused the import (${status}): ${detail}${hint}`]);
}

function unreachable({ lost = 'no answer' }: BatchAnswer): CommandFailure {
  return new CommandFailure(1, [`The gateway does not answer (${lost}). Check --url.`]);
}
