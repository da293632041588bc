// The browser client (docs/browser-client.md), which the build joins into one module for pages.
import type { Lead, LeadClient, LeadClientOptions, LeadResult, ProblemFields } from './public.d.ts';
import { createDelivery } from './delivery.ts';
import { LeadProblem } from './problem.ts';
import { append, entriesOf, prefixFor } from './queue.ts';
import { tell, waitFor } from './waiters.ts';

export { LeadProblem };

/** Makes a client; one is enough for a page. */
export function createLeadClient(options: LeadClientOptions): LeadClient {
  const { key, maxQueued = 100, cookie = true, onProblem = warn } = options;
  const url = options.url.replace(/\/$/, '');
  const prefix = prefixFor(url);
  const delivery = createDelivery({ url, prefix, key, onProblem });
  if (typeof window === 'object') watchPage(prefix, delivery, onProblem);
  delivery.pump();
  return {
    // Up to its first await it runs at once, so the lead is stored when it returns.
    async send(lead) {
      const whole = cookie && !('marketoCookie' in lead) ? { ...lead, ...cookieOfPage() } : lead;
      const name = append(prefix, { body: JSON.stringify(whole), key, people: peopleOf(whole) }, maxQueued);
      const answer = waitFor(name);
      delivery.pump();
      return answer;
    },
    pending: () => entriesOf(prefix).length,
  };
}

function warn(problem: LeadProblem): void {
  // oxlint-disable-next-line no-console -- the page has named no one to tell
  console.warn(problem);
}

/** What Marketo's script has stored, if it has and the page may read it. */
function cookieOfPage(): Pick<Lead, 'marketoCookie'> {
  try {
    const [, marketoCookie] = /(?:^|; )_mkto_trk=(id(?::|%3A)[^;]+)/i.exec(document.cookie) ?? [];
    return marketoCookie === undefined ? {} : { marketoCookie };
  } catch {
    return {};
  }
}

/** The keys of a lead, by which the gateway orders leads, too. People taken for one only wait for each other. */
function peopleOf({ id, foreignSysPersonId, marketoCookie, email }: Lead): string[] {
  return [id, foreignSysPersonId, marketoCookie, email].flatMap((value, index) =>
    value ? `${index}${value}`.toLowerCase() : [],
  );
}

function watchPage(
  prefix: string,
  { pump, leave, resume }: ReturnType<typeof createDelivery>,
  onProblem: NonNullable<LeadClientOptions['onProblem']>,
): void {
  addEventListener('online', resume);
  addEventListener('pageshow', pump);
  addEventListener('pagehide', leave);
  document.addEventListener('visibilitychange', () => (document.hidden ? leave() : pump()));
  addEventListener('storage', ({ key, newValue }) => {
    if (!key?.startsWith(prefix) || newValue === null) return;
    const { answer } = JSON.parse(newValue) as { readonly answer?: LeadResult | ProblemFields };
    if (answer) tell(key, restored(answer), undefined, onProblem);
    else pump();
  });
}

/** The answer that another page got; JSON has made a LeadProblem a plain object. */
function restored(answer: LeadResult | ProblemFields): LeadResult | LeadProblem {
  return 'detail' in answer ? new LeadProblem(answer) : answer;
}
