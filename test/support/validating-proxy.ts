import { appendFileSync } from 'node:fs';

/**
 * A validating proxy between the clients of this suite and the gateway, when there is one (checks/clients/prism.mjs
 * starts it and sets these): where to ask for the proxy of a gateway, and the file that keeps what it found.
 */
const { VALIDATING_PROXY: CONTROL, VALIDATING_PROXY_LOG: LOG = '' } = process.env;

export type Outgoing = {
  readonly method: string;
  readonly path: string;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
};

type HeaderMap = Readonly<Record<string, string | string[] | undefined>>;
type Violation = {
  readonly location: readonly string[];
  readonly severity: string;
  readonly message: string;
};

/** What the proxy found, a header a document: sl-violations-3.1, for example. */
const VIOLATIONS = 'sl-violations-';

const proxies = new Map<string, Promise<string>>();

/** Where to send a request: to the proxy of the gateway at `url`, or to the gateway itself. */
export async function proxyFor(url: string, request: Outgoing): Promise<string> {
  if (CONTROL === undefined) return url;
  const reason = whyNot(request);
  if (reason !== undefined) {
    note({ kind: 'past the proxy', what: reason });
    return url;
  }
  const known = proxies.get(url) ?? fetch(`${CONTROL}/?upstream=${url}`).then((answer) => answer.text());
  proxies.set(url, known);
  return known;
}

/**
 * What the proxy cannot hand on as it was sent, or what is not described; `undefined` for all else. Tests that write to a
 * socket of their own (server, client-errors, some of access-log) go past it, too.
 */
function whyNot({ method, path, headers, body }: Outgoing): string | undefined {
  const type = headers['content-type'];
  const hasBody = body !== undefined && body !== '';
  if (method === 'OPTIONS' || UNLISTED.test(path)) return 'what no client calls: no document describes it';
  if (method === 'HEAD') return 'HEAD: the proxy parses the body that is not there';
  if (path.startsWith('//')) return 'a path with an empty segment: the proxy takes it out';
  if (headers['host'] !== undefined) return 'a Host of its own: the proxy writes another';
  if (!hasBody) return undefined;
  if (method === 'GET') return 'GET with a body: the proxy refuses it';
  if (headers['content-encoding'] !== undefined) return 'a compressed body: the proxy does not read it';
  if (headers['transfer-encoding'] !== undefined) return 'a body in chunks: the proxy gives a length as well';
  if (type === undefined) return 'a body without a type: the proxy names one';
  if (!MEDIA_TYPE.test(type)) return 'a media type the proxy cannot parse';
  if (/charset="?utf-16/i.test(type)) return 'a body in UTF-16, as its type says: the proxy does not read it';
  if (typeof body !== 'string') return 'bytes that may be no text: the proxy hands on text';
  if (body.length > 100_000) return 'a body so large that the proxy takes half a minute for it';
  if (!isHandedOn(body)) return 'a body that is no JSON, or that JSON.stringify writes differently';
  return undefined;
}

const UNLISTED = /^\/(?:docs(?:\/.*)?|openapi(?:-3\.0)?\.json|swagger\.json|problems\/.*)?(?:\?.*)?$/;

/** A type with its parameters (RFC 9110, 8.3.1). */
const MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+(?:\s*;\s*[\w-]+=(?:[\w.+-]+|"[^"]*"))*$/;

/** The proxy parses JSON and writes it again, and only where it is an object or a list. */
function isHandedOn(body: string): boolean {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && JSON.stringify(value) === body;
  } catch {
    return false;
  }
}

/**
 * What the proxy complains about and we do not: an authentication scheme may be written in any case (RFC 9110, 11.1),
 * but the proxy knows `Bearer` alone.
 */
function isArgued({ message }: Violation, { headers }: Outgoing): boolean {
  const { authorization = '' } = headers;
  const isOtherCase = /^bearer /i.test(authorization) && !authorization.startsWith('Bearer ');
  return isOtherCase && message === 'Invalid security scheme used';
}

/**
 * Fails when the answer is not one the documents announce, or when the gateway took a request they do not allow. A
 * request that was refused may have been any.
 *
 * @param problem the answer's body, where it is JSON
 */
export function checkViolations(
  outgoing: Outgoing,
  status: number,
  headers: HeaderMap,
  problem: Readonly<Record<string, unknown>>,
): void {
  if (CONTROL === undefined || whyNot(outgoing) !== undefined) return;
  const { method, path } = outgoing;
  const found = Object.entries(headers)
    .filter(([name]) => name.startsWith(VIOLATIONS))
    .flatMap(([name, value]) =>
      parse(String(value)).map((violation) => ({ document: name.slice(VIOLATIONS.length), ...violation })),
    );
  const isOfRequest = ({ location: [side] }: Violation) => side === 'request';
  note({ kind: 'through the proxy', what: `${method} ${path} ${status}` });
  const counted = found.filter(
    (violation) => (status < 400 || !isOfRequest(violation)) && !isArgued(violation, outgoing),
  );
  if (counted.length === 0 && !found.some(isOfRequest)) checkUnsaid(outgoing, problem);
  if (counted.length === 0) return;
  const said = counted.map(
    ({ document, location, severity, message }) =>
      `${document}: ${severity}, ${location.join('.')} ${message}`,
  );
  throw new Error([`${method} ${path} answered ${status}, and Prism says:`, ...said].join('\n  '));
}

/** Rules of the contract that no schema says; test/openapi/openapi.test.ts knows the same ones. */
const UNSAID =
  /XML cannot carry|cannot carry exactly|is given twice|is also in attributes|including those of attributes|placeholder|_mkto_trk|percent-encoded|quotes around it|blanks around it|encoded for HTML|DNS|domain|goes only with/;

/** Fails when the gateway refused, for what a schema could have said, a request the documents allow. */
function checkUnsaid({ body }: Outgoing, problem: Readonly<Record<string, unknown>>): void {
  const { type, errors = [] } = problem as { type?: string; errors?: { detail: string }[] };
  const sayable = errors.filter(({ detail }) => !UNSAID.test(detail)).map(({ detail }) => detail);
  if (type?.endsWith('/problems/validation-failed') !== true || sayable.length === 0) return;
  throw new Error(`The documents allow what the gateway refuses: ${sayable.join('; ')}\n  ${String(body)}`);
}

function parse(header: string): Violation[] {
  // Cut by the proxy when there are very many.
  if (header.startsWith('Too many')) {
    const side = header.includes('"location":["response"') ? 'response' : 'request';
    return [{ location: [side], severity: 'Error', message: header }];
  }
  return JSON.parse(header) as Violation[];
}

function note(line: { kind: string; what: string }): void {
  appendFileSync(LOG, `${JSON.stringify(line)}\n`);
}

/** The headers as the gateway sent them. */
export function withoutViolations<Headers extends object>(headers: Headers): Headers {
  const own = Object.entries(headers).filter(([name]) => !name.startsWith(VIOLATIONS));
  return Object.fromEntries(own) as Headers;
}
