import type { IncomingMessage } from 'node:http';

/** What follows the question mark of a request's target; by hand, since the target may be a URL that is not valid. */
export function searchOf({ url = '' }: Pick<IncomingMessage, 'url'>): string {
  const at = url.indexOf('?');
  return at === -1 ? '' : url.slice(at + 1);
}
