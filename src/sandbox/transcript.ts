import type { IncomingHttpHeaders } from 'node:http';
import type { SentCall } from '../soap-server/endpoint.ts';

/** A call and its answer as they were sent, cut where they are long. */
export type Transcript = {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly request: Cut;
  readonly status: number;
  readonly contentType: string;
  readonly answer: Cut;
};

/** The beginning of a body, and how many bytes it had. */
type Cut = { readonly bytes: Buffer; readonly length: number };

/** A batch of 300 leads has some 100 kB; its beginning shows enough. */
const KEPT_BYTES = 32 * 1024;

/** The beginning as a copy, so that the rest of a large body is not kept alive. */
function cut(body: Buffer): Cut {
  const { length } = body;
  return { bytes: length <= KEPT_BYTES ? body : Buffer.from(body.subarray(0, KEPT_BYTES)), length };
}

export function transcribe({ request, body, answer }: SentCall): Transcript {
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    headers: request.headers,
    request: cut(body),
    status: answer.status,
    contentType: answer.contentType,
    // Of a long text no more is encoded than is kept: a character has at least one byte.
    answer: {
      ...cut(Buffer.from(answer.body.slice(0, KEPT_BYTES + 1))),
      length: Buffer.byteLength(answer.body),
    },
  };
}

const SHOWN_HEADERS = ['content-type', 'authorization', 'x-request-id', 'traceparent', 'user-agent'];
const MASK = '••••';

/** Both as text for a person to read, without secrets. */
export function showTranscript({
  method,
  target,
  headers,
  request,
  status,
  contentType,
  answer,
}: Transcript) {
  const shown = SHOWN_HEADERS.flatMap((name) => {
    const value = headers[name];
    return value === undefined ? [] : [`${name}: ${String(value)}`];
  });
  return {
    request: mask([`${method} ${target}`, ...shown, '', textOf(request)].join('\n')),
    answer: mask([`${status}`, `content-type: ${contentType}`, '', textOf(answer)].join('\n')),
  };
}

function textOf({ bytes, length }: Cut): string {
  const text = bytes.toString('utf8');
  return length > bytes.length ? `${text}\n… ${length - bytes.length} bytes more` : text;
}

/** What proves who calls: SOAP's signature, and the secret and the tokens of REST, in a query, a form, JSON or a header. */
const SECRETS: readonly RegExp[] = [
  /(<(?:[\w.-]+:)?requestSignature\b[^>]*>)[^<]*/g,
  /((?:^|[?&\s])(?:client_secret|access_token)=)[^&\s]*/g,
  /("access_token"\s*:\s*")[^"]*/g,
  /(^authorization:\s*\w+\s+)\S+/gim,
];

function mask(text: string): string {
  return SECRETS.reduce((masked, pattern) => masked.replaceAll(pattern, `$1${MASK}`), text);
}
