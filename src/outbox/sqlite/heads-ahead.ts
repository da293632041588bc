import { PENDING_COLUMNS, type Row } from '../rows.ts';
import type { AheadQuery, Heads } from '../store.ts';
import type { Connection } from './database.ts';
import type { ToLead } from './takeover.ts';

/** Leads that are looked at for one that asks. More of them have used up its deadline anyway. */
const MAX_REACHED = 200;

/** Walks up the queues of the ordering keys, and of those of the leads found there. */
export function prepareHeadsAhead(db: Connection, toLead: ToLead): (query: AheadQuery) => Heads {
  const queued = db.prepare(`
    SELECT ${PENDING_COLUMNS}, behind, ordering_keys FROM leads
    WHERE seq IN (SELECT seq FROM ordering_keys WHERE ordering_key = ? AND seq < ? ORDER BY seq LIMIT ?)
  `);
  return ({ orderingKeys, before }) => {
    const reached = new Map<number, Row>();
    const reach = (keys: readonly string[], limit: number) => {
      for (const key of keys) {
        for (const row of queued.all(key, limit, MAX_REACHED) as Row[]) {
          if (reached.size < MAX_REACHED) reached.set(Number(row['seq']), row);
        }
      }
    };
    reach(orderingKeys, before ?? Number.MAX_SAFE_INTEGER);
    for (const [seq, row] of reached) {
      if (row['behind'] !== 0) reach(JSON.parse(String(row['ordering_keys'])) as string[], seq);
    }
    const leads = [...reached.values()]
      .filter(({ behind }) => behind === 0)
      .map(toLead)
      .toSorted((a, b) => a.seq - b.seq);
    return { leads, elsewhere: 0 };
  };
}
