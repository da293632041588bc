import type { IncomingMessage } from 'node:http';
import { nearestName } from '../text/nearest-name.ts';
import { invalidRequest, unknownName } from './problems/problem.ts';

/** What follows the question mark of a request's target; by hand, since the target may be a URL that is not valid. */
export function searchOf({ url = '' }: Pick<IncomingMessage, 'url'>): string {
  const at = url.indexOf('?');
  return at === -1 ? '' : url.slice(at + 1);
}

const QUERY = { part: 'parameter', whole: 'The query' } as const;

/**
 * Refuses a parameter that is a misspelt one of `known`, such as `dryrun`, where other parameters are ignored: ignored, it
 * would do the opposite of what was asked. @throws {GatewayError} `validation-failed`
 */
export function refuseMisspelt(given: URLSearchParams, known: readonly string[]): void {
  for (const name of given.keys()) {
    if (known.includes(name) || nearestName(name, known) === undefined) continue;
    throw invalidRequest([unknownName(name, 'a parameter of this request', known, 0)], 1, QUERY);
  }
}
