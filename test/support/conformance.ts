import { dryRunResponse } from '../../src/http/leads/fields-schema.ts';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { buildOpenApi } from '../../src/openapi/document.ts';

type Json = Record<string, unknown>;
type HeaderMap = Readonly<Record<string, string | string[] | undefined>>;
type Operation = { responses: Record<string, ResponseObject> };
type ResponseObject = {
  $ref?: string;
  headers?: Record<string, { $ref: string }>;
  content?: Record<string, { schema: Json; examples?: Json }>;
};

const ROOT = 'gateway:openapi';

/** What people and browsers read, and no client calls: no document lists it. */
const UNLISTED =
  /^\/(?:docs|client\.js|client\.d\.ts|openapi\.json|openapi-3\.0\.json|swagger\.json|problems\/[^/]+)?$/;
/** Files the documentation page is made of. */
const PAGE_FILES = /^\/docs\/[^/]+$/;

/**
 * The document as it is published, but with closed objects in answers: a client has to tolerate members it does not know,
 * a test of ours does not.
 */
const document = closeObjects(buildOpenApi('0.0.0'));
// What is referred to is compiled once, and not into each that refers to it.
const ajv = addFormats
  .default(new Ajv2020({ strict: false, allErrors: true, inlineRefs: false }))
  .addSchema(document, ROOT);
const paths = document['paths'] as Record<string, Record<string, Operation>>;

/**
 * Fails unless the OpenAPI document announces this response: path, method, status, content type, body and headers.
 * A path that is not in the document must answer 404, a method that is not there 405 with the right `Allow`. OPTIONS is
 * answered everywhere; no document describes it.
 *
 * @param path as requested; a query is ignored
 * @param headers of fetch, or by name in lower case, as node:http gives them
 */
export function checkResponse(
  method: string,
  path: string,
  status: number,
  headers: Headers | HeaderMap,
  bodyText: string,
): void {
  const byName = headers instanceof Headers ? Object.fromEntries(headers) : headers;
  const isDryRun = status === 200 && /[?&]dryRun=true(?:&|$)/.test(path);
  const complaints = isDryRun
    ? (dryRunResponse.safeParse(parse(bodyText)).error?.issues ?? []).map(({ message }) => message)
    : complaintsAbout(method, path.split('?', 1)[0] ?? '', status, byName, bodyText);
  if (complaints.length === 0) return;
  throw new Error(
    [
      `${method} ${path} answered ${status}, not as the OpenAPI document says:`,
      ...complaints,
      bodyText.slice(0, 500),
    ].join('\n  '),
  );
}

function complaintsAbout(
  method: string,
  requested: string,
  status: number,
  headers: HeaderMap,
  bodyText: string,
): string[] {
  if (method === 'OPTIONS' && (status === 204 || status === 403)) {
    return [
      ...checkHeaders(OF_EVERY_RESPONSE, headers),
      ...(status === 403 || headers['allow'] === undefined ? [] : checkAllow(listed(requested), headers)),
    ];
  }
  if (isReadByPeople(requested) && status < 400) return checkHeaders(OF_EVERY_RESPONSE, headers);
  const path = status === 405 ? listed(requested) : requested;
  const found = findOperation(path, method);
  if (found.expected !== undefined && found.expected !== status)
    return [`the status should be ${found.expected}`];
  const pointer = `${found.pointer}/responses/${status}`;
  const documented = found.operation.responses[String(status)];
  if (documented === undefined) return ['this status is not documented'];
  const at = documented.$ref ?? `#${pointer}`;
  const response = resolve(at) as ResponseObject;
  return [
    ...checkHeaders(response.headers ?? {}, headers),
    ...(status === 405 ? checkAllow(path, headers) : []),
    ...checkContent(at, response, method, headers, bodyText),
    ...(response.content?.['application/problem+json'] && method !== 'HEAD'
      ? checkProblem(response, status, headers, bodyText)
      : []),
  ];
}

function isReadByPeople(path: string): boolean {
  return PAGE_FILES.test(path) || UNLISTED.test(path);
}

/** What no document lists is refused as any path one can only read is. */
function listed(path: string): string {
  return isReadByPeople(path) ? '/healthz' : path;
}

const OF_EVERY_RESPONSE = {
  'X-Request-Id': { $ref: '#/components/headers/RequestId' },
  traceparent: { $ref: '#/components/headers/Traceparent' },
};

/** The operation that answers; for what the document does not list, one that documents the refusal. */
function findOperation(
  path: string,
  method: string,
): { pointer: string; operation: Operation; expected?: number } {
  const template = Object.keys(paths).find((candidate) => matches(candidate, path));
  if (template === undefined) return { ...operationAt('/metrics', 'get'), expected: 404 };
  const name = method === 'HEAD' ? 'get' : method.toLowerCase();
  if (paths[template]?.[name]) return operationAt(template, name);
  const [any = ''] = Object.keys(paths[template] ?? {});
  return { ...operationAt(template, any), expected: 405 };
}

function operationAt(template: string, method: string): { pointer: string; operation: Operation } {
  const operation = paths[template]?.[method];
  if (operation === undefined) throw new Error(`the document has no ${method} ${template}`);
  return { pointer: `/paths/${escapeToken(template)}/${method}`, operation };
}

function matches(template: string, path: string): boolean {
  const wanted = template.split('/');
  const given = path.split('/');
  return (
    wanted.length === given.length && wanted.every((part, i) => part.startsWith('{') || part === given[i])
  );
}

function checkHeaders(documented: Record<string, { $ref: string }>, headers: HeaderMap): string[] {
  return Object.entries(documented).flatMap(([name, { $ref }]) => {
    const header = resolve($ref) as { required?: boolean; schema: { type: string } };
    const value = headers[name.toLowerCase()];
    if (value === undefined) return header.required === true ? [`the header ${name} is missing`] : [];
    const typed = header.schema.type === 'integer' ? Number(value) : value;
    return complaintsOf(`${$ref}/schema`, typed).map((complaint) => `header ${name}: ${complaint}`);
  });
}

function checkAllow(path: string, headers: HeaderMap): string[] {
  const template = Object.keys(paths).find((one) => matches(one, path));
  const methods = Object.keys(paths[template ?? ''] ?? {}).map((name) => name.toUpperCase());
  const served = methods.flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name]));
  const expected = [...served, 'OPTIONS'].toSorted().join(', ');
  const allowed = String(headers['allow'] ?? '')
    .split(', ')
    .toSorted()
    .join(', ');
  return allowed === expected ? [] : [`Allow should be ${expected}`];
}

function checkContent(
  at: string,
  response: ResponseObject,
  method: string,
  headers: HeaderMap,
  bodyText: string,
): string[] {
  const contentType = String(headers['content-type'] ?? '');
  const [mediaType = ''] = contentType.split(';', 1);
  const documented = Object.keys(response.content ?? {});
  if (documented.length === 0) return bodyText === '' ? [] : ['there should be no body'];
  if (!documented.includes(mediaType)) return [`the content type ${contentType} is not documented`];
  if (method === 'HEAD') return bodyText === '' ? [] : ['HEAD has no body'];
  const body = /[/+]json$/.test(mediaType) ? parse(bodyText) : bodyText;
  return complaintsOf(`${at}/content/${escapeToken(mediaType)}/schema`, body);
}

/** Rules of problem documents that a schema cannot say. */
function checkProblem(
  response: ResponseObject,
  status: number,
  headers: HeaderMap,
  bodyText: string,
): string[] {
  const problem = parse(bodyText) as Json | undefined;
  const slug = String(problem?.['type']).replace(/^https?:\/\/.+\/problems\//, '');
  const documented = Object.keys(response.content?.['application/problem+json']?.examples ?? {});
  return [
    ...(documented.includes(slug) ? [] : [`the problem ${slug} is not documented for this status`]),
    ...(problem?.['status'] === status ? [] : ['the status in the body differs']),
    ...(problem?.['requestId'] === headers['x-request-id'] ? [] : ['the request id in the body differs']),
  ];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const validators = new Map<string, ValidateFunction>();

function complaintsOf(pointer: string, value: unknown): string[] {
  const validate = validators.get(pointer) ?? ajv.compile({ $ref: `${ROOT}${encodeURI(pointer)}` });
  validators.set(pointer, validate);
  if (validate(value)) return [];
  return (validate.errors ?? []).map((error) => `${error.instancePath || 'body'} ${error.message ?? ''}`);
}

function resolve(ref: string): unknown {
  let value: unknown = document;
  for (const token of ref.slice(2).split('/')) {
    value = (value as Json)[decodeURIComponent(token).replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return value;
}

function escapeToken(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1');
}

function closeObjects(published: Json): Json {
  const copy = structuredClone(published);
  const { schemas } = copy['components'] as { schemas: Record<string, Json> };
  for (const schema of Object.values(schemas)) {
    if (schema['type'] === 'object') schema['additionalProperties'] ??= false;
  }
  return copy;
}
