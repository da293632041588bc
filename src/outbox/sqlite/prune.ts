import type { Connection } from './database.ts';

/** Rows removed in one transaction, so that accepts do not wait for long. */
const AT_A_TIME = 1000;

export function preparePrune(db: Connection): (finishedBefore: number) => number {
  const remove = db.prepare(`
    DELETE FROM leads WHERE seq IN (SELECT seq FROM leads WHERE finished_at < ? LIMIT ${AT_A_TIME})
  `);
  return (finishedBefore) => remove.run(finishedBefore).changes;
}
