import type { IncomingMessage, RequestListener } from 'node:http';
import type { CorsFields } from '../http/cors.ts';

export type HeadRules = {
  /** Lines. */
  readonly maxHeaders: number;
  readonly newRequestId: () => string;
  /** So that a page learns at least the status. */
  readonly corsFields: CorsFields;
  /** Told of every refusal. */
  readonly onBroken: (status: number, requestId: string) => void;
};

/**
 * Hands on requests whose head has one meaning only, and refuses the others without a word but the status and the
 * request id every response carries (contract B). What Node's parser lets through but somebody in front of us may read
 * in another way is how one request becomes two: the connection ends with the refusal, and nothing that came behind it
 * is looked at.
 */
export function refuseAmbiguousRequests(
  { maxHeaders, newRequestId, corsFields, onBroken }: HeadRules,
  listener: RequestListener,
): RequestListener {
  const ending = new WeakSet<object>();
  return (request, response) => {
    if (ending.has(request.socket)) return;
    const status = headFault(request, maxHeaders);
    if (status === undefined) {
      listener(request, response);
      return;
    }
    ending.add(request.socket);
    const requestId = newRequestId();
    onBroken(status, requestId);
    const fields = ['X-Request-Id', requestId, 'Content-Length', '0', 'Connection', 'close'];
    response.writeHead(status, [...fields, ...corsFields(originIn(request.rawHeaders))]);
    response.end();
  };
}

/** The status for a head that must be refused. */
function headFault(request: IncomingMessage, maxHeaders: number): number | undefined {
  const { rawHeaders, httpVersion } = request;
  // Node answers HTTP/0.9 and HTTP/2.0 as if they were 1.1.
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 505;
  // Names and values by turns. RFC 6585, 5.
  if (rawHeaders.length > maxHeaders * 2) return 431;
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    // Lengths first: this is looked at for every line of every request.
    if (name.length === HOST.length && name.toLowerCase() === HOST) {
      hosts += 1;
      if (!isRightHost(rawHeaders[index + 1] ?? '', request.url ?? '')) return 400;
    } else if (name.length === CODING.length && name.toLowerCase() === CODING) {
      // No other coding is known here (RFC 9112, 6.1); the parser looks only at the last one. It refuses chunked twice.
      if (rawHeaders[index + 1]?.toLowerCase() !== 'chunked') return 501;
      // HTTP/1.0 has none: whoever is in front may have seen the end of the message elsewhere (RFC 9112, 6.1).
      if (httpVersion === '1.0') return 400;
    }
  }
  // RFC 9112, 3.2.
  return hosts === 1 || (hosts === 0 && httpVersion === '1.0') ? undefined : 400;
}

const HOST = 'host';
const CODING = 'transfer-encoding';

/** `uri-host [ ":" port ]` (RFC 9110, 7.2; RFC 3986, 3.2.2), and no user. */
const AUTHORITY = /^(?:[\w.~!$&'()*+,;=%-]*|\[[\da-f:.]+\])(?::\d*)?$/i;
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i;

/** Whether a Host is one, and the same as that of the target where the target names one (RFC 9112, 3.2.2). */
function isRightHost(host: string, target: string): boolean {
  if (!AUTHORITY.test(host)) return false;
  if (target.startsWith('/')) return true;
  const [, authority] = ABSOLUTE.exec(target) ?? [];
  return authority === undefined || authority.toLowerCase() === host.toLowerCase();
}

/** The `Origin` of a head, also where Node has left it out of `headers` since there are too many. */
function originIn(rawHeaders: readonly string[]): string | undefined {
  const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === 'origin');
  return at === -1 ? undefined : rawHeaders[at + 1];
}
