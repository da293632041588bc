import type { LeadResult, ProblemFields } from './public.d.ts';
import { LeadProblem, localProblem } from './problem.ts';
import type { Entry } from './queue.ts';

/** The gateway answers within 25 s unless its operator wants otherwise. */
const TIMEOUT_MS = 30_000;
/** What is alive after its page may have 64 KiB in all (Fetch standard), in up to three bytes a character. */
const MAX_KEEPALIVE = 5000;

export type Answer = {
  readonly result: LeadResult | LeadProblem;
  /** What `Retry-After` says, in ms; NaN if it says nothing. */
  readonly retryAfterMs: number;
};

/** Sends a lead; never rejects. */
export async function put(url: string, { body, key, name }: Entry): Promise<Answer> {
  try {
    const response = await fetch(`${url}/leads`, {
      method: 'PUT',
      body,
      keepalive: body.length < MAX_KEEPALIVE,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: {
        'Content-Type': 'application/json',
        // So that a gateway that keeps leads takes the second try for the first.
        'Idempotency-Key': name.slice(-24),
        ...(key !== undefined && { 'X-API-Key': key }),
      },
    });
    return {
      result: resultOf(response, await response.json().catch(() => null)),
      retryAfterMs: retryAfterMs(response.headers.get('Retry-After')),
    };
  } catch (error) {
    return { result: localProblem('network', String(error)), retryAfterMs: Number.NaN };
  }
}

/** Hands a lead to the browser, which sends it when the page is gone; gives whether it will. */
export function sendBeacon(url: string, { body, key }: Entry): boolean {
  return navigator.sendBeacon(`${url}/leads${key === undefined ? '' : `?key=${key}`}`, body);
}

function resultOf({ ok, status }: Response, body: unknown): LeadResult | LeadProblem {
  if (ok && typeof (body as LeadResult | null)?.status === 'string') return body as LeadResult;
  const problem = body as (Omit<ProblemFields, 'errors'> & { readonly type?: string }) | null;
  const slug = problem?.type?.split('/').pop();
  return problem && slug !== undefined
    ? new LeadProblem({ errors: [], ...problem, slug })
    : localProblem(`http-${status}`, 'not from the gateway', status);
}

/** RFC 9110, 10.2.3: seconds or a date. */
function retryAfterMs(text: string | null): number {
  const seconds = Number(text ?? 'none');
  return Number.isNaN(seconds) ? Date.parse(text ?? '') - Date.now() : seconds * 1000;
}
