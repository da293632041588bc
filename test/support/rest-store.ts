/** The sandbox's leads behind a REST client, in virtual time: no sockets, so that minutes of load take seconds. */
import { createLeadStore } from '../../src/sandbox/leads/store.ts';
import { restFieldsOf } from '../../src/sandbox/rest/fields.ts';
import { createFind, readFindQuery } from '../../src/sandbox/rest/find.ts';
import { lookupField } from '../../src/sandbox/rest/lookup.ts';
import { commitRecords, planRecords } from '../../src/sandbox/rest/sync.ts';
import { createSettings } from '../../src/sandbox/settings.ts';
import type { HttpPost, PostRequest } from '../../src/transport/http-post.ts';
import type { VirtualClock } from './virtual-clock.ts';

export type StoreOptions = {
  readonly clock: VirtualClock;
  /** What a call takes, in ms. */
  readonly callMs: (nth: number) => number;
  /** How the answer of a sync is lost, if it is; `runsMs` is how long it goes on at the API. */
  readonly lose?: (
    nth: number,
  ) => { readonly how: 'reset' | 'timeout' | '502'; readonly runsMs: number } | undefined;
  readonly limits?: { readonly per20s: number; readonly atOnce: number; readonly perDay: number };
};

type Answered = Awaited<ReturnType<HttpPost>>;

export function startRestStore({ clock, callMs, lose, limits }: StoreOptions) {
  const settings = createSettings(() => {}).current();
  const store = createLeadStore(() => {});
  const find = createFind(store);
  const fields = restFieldsOf(settings);
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      clock.setTimer(resolve, ms);
    });
  const recent: number[] = [];
  const counts = { calls: 0, refused: 0, running: 0, most: 0 };

  const refusalOf = (): string | undefined => {
    const nowMs = clock.monotonicMs();
    while ((recent[0] ?? nowMs) <= nowMs - 20_000) recent.shift();
    if (limits !== undefined && counts.calls - counts.refused > limits.perDay) return '607';
    if (limits !== undefined && recent.length >= limits.per20s) return '606';
    if (limits !== undefined && counts.running >= limits.atOnce) return '615';
    recent.push(nowMs);
    return undefined;
  };

  const sync = async (body: string, nth: number): Promise<Answered> => {
    const { input, action, lookupField: name } = JSON.parse(body);
    const field = lookupField(fields, name);
    const rules = { store, settings, fields, action, lookupField: field, partitionName: null };
    const plans = planRecords(input, rules);
    const lost = lose?.(nth);
    if (lost === undefined) {
      await pause(callMs(nth));
      return json(commitRecords(plans, rules, clock.now));
    }
    void pause(lost.runsMs).then(() => commitRecords(plans, rules, clock.now));
    await pause(lost.how === 'timeout' ? TIMEOUT_MS : callMs(nth));
    if (lost.how === '502') return respond('<html></html>', 502, 'text/html');
    return { kind: 'failure', reason: lost.how, cause: new Error(lost.how) };
  };

  const query = async (path: string, nth: number): Promise<Answered> => {
    const parameters = new URLSearchParams(path.replace(/^.*\?/, ''));
    await pause(callMs(nth));
    const { result } = find(readFindQuery(parameters, fields), settings);
    return json(result?.map((lead) => JSON.parse(lead)) ?? []);
  };

  const post: HttpPost = async ({ path = '', body, method }: PostRequest) => {
    const nth = counts.calls++;
    const code = refusalOf();
    if (code !== undefined) {
      counts.refused += 1;
      return respond(JSON.stringify({ requestId: '1#1', success: false, errors: [{ code, message: 'no' }] }));
    }
    counts.running += 1;
    counts.most = Math.max(counts.most, counts.running);
    const answer = method === 'GET' ? await query(path, nth) : await sync(body, nth);
    counts.running -= 1;
    return answer;
  };
  const identity: HttpPost = () =>
    Promise.resolve(respond('{"access_token":"virtual:lon","token_type":"bearer","expires_in":3599}'));
  return { post, identity, store, counts };
}

export const TIMEOUT_MS = 10_000;

function json(result: unknown): Answered {
  return respond(JSON.stringify({ requestId: '1#1', result, success: true }));
}

function respond(text: string, status = 200, contentType = 'application/json'): Answered {
  return {
    kind: 'response',
    status,
    contentType,
    date: undefined,
    retryAfter: undefined,
    redirectsTo: undefined,
    body: Buffer.from(text),
  };
}
