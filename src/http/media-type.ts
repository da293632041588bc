import type { IncomingHttpHeaders } from 'node:http';
import Negotiator from 'negotiator';
import { GatewayError } from '../leads/errors.ts';

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = new RegExp(`;[ \\t]*(?:(${TOKEN})=(?:(${TOKEN})|"((?:[^"\\\\]|\\\\.)*)"))?[ \\t]*`, 'gy');
const UTF_8 = new Set(['utf-8', 'utf8']);

/**
 * Refuses a body that is announced as anything but JSON in UTF-8 (contract B; the grammar is RFC 9110, 8.3.1).
 * Parameters other than charset are passed over, as RFC 8259, 11, gives them no meaning.
 */
export function requireJson(headers: IncomingHttpHeaders): void {
  const contentType = headers['content-type'];
  if (contentType === 'application/json') return;
  if (contentType === undefined) throw unsupported('The request has no Content-Type');
  const [mediaType = ''] = contentType.split(';', 1);
  const charset = charsetOf(contentType.slice(mediaType.length));
  if (mediaType.trim().toLowerCase() !== 'application/json' || charset === 'unreadable') {
    throw unsupported(`The Content-Type is ${shorten(contentType)}`);
  }
  if (charset !== undefined && !UTF_8.has(charset)) throw unsupported(`The charset is ${shorten(charset)}`);
}

/** The charset in lower case, `undefined` when there is none. */
function charsetOf(parameters: string): string | undefined {
  let charset: string | undefined;
  let end = 0;
  for (const [all, name, token, quoted] of parameters.matchAll(PARAMETER)) {
    end += all.length;
    if (name?.toLowerCase() !== 'charset') continue;
    charset ??= (token ?? quoted?.replaceAll(/\\(.)/g, '$1') ?? '').toLowerCase();
  }
  return end === parameters.length ? charset : 'unreadable';
}

function unsupported(what: string): GatewayError {
  return new GatewayError('unsupported-media-type', {
    detail: `${what}; send Content-Type: application/json, in UTF-8.`,
  });
}

function shorten(value: string): string {
  return value.length > 100 ? `${value.slice(0, 100)}…` : value;
}

const PROBLEM = 'application/problem+json';
const JSON_TYPE = 'application/json';

/**
 * The media type of a problem for an `Accept` header: that of problems (RFC 9457, 3), but plain JSON for clients that
 * know no other. Who can read neither gets the problem all the same: it says more than a 406.
 */
export function problemMediaType(accept: string | undefined): string {
  if (accept === undefined || accept === '*/*') return PROBLEM;
  if (accept === JSON_TYPE) return JSON_TYPE;
  return (
    new Negotiator({ headers: { accept: simplified(accept) } }).mediaType([PROBLEM, JSON_TYPE]) ?? PROBLEM
  );
}

/**
 * The ranges without parameters but their quality, since `application/json;charset=utf-8` asks for JSON as well; that of
 * problems first, so that it wins where both are as welcome.
 */
function simplified(accept: string): string {
  const ranges = accept.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    return [type, ...parameters.filter((parameter) => /^q\s*=/i.test(parameter))].join(';');
  });
  return [...ranges.filter(isProblem), ...ranges.filter((range) => !isProblem(range))].join(',');
}

function isProblem(range: string): boolean {
  return range.toLowerCase().startsWith(PROBLEM);
}
