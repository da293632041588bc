import type { IncomingMessage } from 'node:http';
import type { GatewayError, MemberError } from '../leads/errors.ts';
import { memberPointer } from '../text/json.ts';
import { nearestName, spellingFree } from '../text/nearest-name.ts';
import { invalidRequest, unknownName } from './problems/problem.ts';

/** What follows the question mark of a request's target; by hand, since the target may be a URL that is not valid. */
export function searchOf({ url = '' }: Pick<IncomingMessage, 'url'>): string {
  const at = url.indexOf('?');
  return at === -1 ? '' : url.slice(at + 1);
}

const QUERY = { part: 'parameter', whole: 'The query' } as const;

/**
 * The value of a parameter that is `true` or `false`; undefined without it. Other parameters are ignored, unless they are
 * this one misspelt, such as `dryrun`, or cut short: ignored, they would do the opposite of what was asked.
 *
 * @throws {GatewayError} `validation-failed` for those, and for another value rather than to guess what it means
 */
export function flagIn(req: Pick<IncomingMessage, 'url'>, name: string): boolean | undefined {
  const search = searchOf(req);
  if (search === '') return undefined;
  const parameters = new URLSearchParams(search);
  for (const given of parameters.keys())
    if (given !== name && isMeant(given, name)) throw refusal(misspelt(given, name));
  const values = parameters.getAll(name);
  const [value] = values;
  if (value === undefined) return undefined;
  if (values.length === 1 && (value === 'true' || value === 'false')) return value === 'true';
  const detail = `must be true or false${values.length > 1 ? ', and given once' : ''}`;
  throw refusal({ pointer: memberPointer(name), detail });
}

/** A shorter one says too little. */
const SHORTEST = 3;

function isMeant(given: string, name: string): boolean {
  if (nearestName(given, [name]) !== undefined) return true;
  const [one, other] = [spellingFree(given), spellingFree(name)];
  return one.length >= SHORTEST && (other.startsWith(one) || one.startsWith(other));
}

function misspelt(given: string, name: string): MemberError {
  const { pointer, detail } = unknownName(given, 'a parameter of this request', [], 0);
  return { pointer, detail: `${detail}; did you mean ${name}?` };
}

function refusal(error: MemberError): GatewayError {
  return invalidRequest([error], 1, QUERY);
}
