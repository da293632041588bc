import { LEAD_PATHS, REST_BASE, REST_PATHS } from '../../text/rest-protocol.ts';
import type { RestOperation } from './fault.ts';

/** Method → what it does. */
type Methods = Readonly<Record<string, RestOperation>>;

export type Route = {
  /** The path with `{id}` for the id of a lead. */
  readonly endpoint: string;
  readonly methods: Methods;
  /** What stands in the path in its place; empty in paths without. */
  readonly id: string;
};

const FIXED: Readonly<Record<string, Methods>> = {
  [REST_PATHS.leads]: { GET: 'find', POST: 'sync', DELETE: 'delete' },
  [REST_PATHS.deleteLeads]: { POST: 'delete', DELETE: 'delete' },
  [REST_PATHS.describe]: { GET: 'describe' },
  [REST_PATHS.describe2]: { GET: 'describe2' },
  [REST_PATHS.partitions]: { GET: 'partitions' },
  [REST_PATHS.usage]: { GET: 'usage' },
};

const BY_ID: readonly { readonly path: string; readonly methods: Methods }[] = [
  { path: LEAD_PATHS.lead('{id}'), methods: { GET: 'lead' } },
  { path: LEAD_PATHS.associate('{id}'), methods: { POST: 'associate' } },
  { path: LEAD_PATHS.merge('{id}'), methods: { POST: 'merge' } },
];

/** What is served at a path that begins with REST's base. */
export function routeOf(path: string): Route | undefined {
  const below = path.slice(REST_BASE.length);
  const methods = Object.hasOwn(FIXED, below) ? FIXED[below] : undefined;
  if (methods) return { endpoint: path, methods, id: '' };
  for (const { path: template, methods: served } of BY_ID) {
    const [before = '', after = ''] = template.split('{id}');
    const id = below.slice(before.length, below.length - after.length);
    if (/^[^/]+$/.test(id) && below === before + id + after) {
      return { endpoint: REST_BASE + template, methods: served, id };
    }
  }
  return undefined;
}
