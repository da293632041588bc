import type { Row } from '../rows.ts';
import { BUSY_MS, type Connection } from './database.ts';

/**
 * Overwrites what was removed wherever it is left. secure_delete zeroes cells, but a page that was split or merged keeps
 * copies of those that moved, so the whole file is written again; and older pages stay in the write-ahead log until it
 * restarts, for which no one may be reading.
 *
 * @see https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
 */
export function overwriteTraces(db: Connection): boolean {
  try {
    // Accepts wait meanwhile, so a reader is not waited for.
    db.exec('PRAGMA busy_timeout = 0');
    if (!restartLog(db)) return false;
    db.exec('VACUUM');
    return restartLog(db);
  } catch {
    return false;
  } finally {
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
  }
}

function restartLog(db: Connection): boolean {
  const { busy } = db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as Row;
  return busy === 0;
}
