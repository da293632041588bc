import type { IncomingMessage } from 'node:http';
import { FORM_CONTENT_TYPE, REST_CODES, REST_CONTENT_TYPE } from '../../text/rest-protocol.ts';
import { RestError } from './answer.ts';

/** A request as far as it can be read whatever it is for. */
export type RestRequest = {
  /** `_method` of a POST, in the query or in a form body, else the request's own. */
  readonly method: string;
  /** Of the query and a form body. */
  readonly parameters: URLSearchParams;
  /** The body's text, unless it is a form. */
  readonly body: string;
  /** Whether a POST has one of the content types that it may have. */
  readonly hasContentType: boolean;
};

const OVERRIDES = new Set(['GET', 'DELETE']);

export function readRestRequest(request: IncomingMessage, query: string, bytes: Buffer): RestRequest {
  const text = bytes.toString('utf8');
  const parameters = new URLSearchParams(query);
  const isPost = request.method === 'POST';
  const isForm = isPost && isContentType(request, FORM_CONTENT_TYPE);
  if (isForm) for (const [name, value] of new URLSearchParams(text)) parameters.append(name, value);
  const override = isPost ? parameters.get('_method')?.toUpperCase() : undefined;
  const isOverridden = override !== undefined && OVERRIDES.has(override);
  return {
    method: isOverridden ? override : (request.method ?? ''),
    parameters,
    body: isForm ? '' : text,
    hasContentType: !isPost || isContentType(request, REST_CONTENT_TYPE) || (isForm && isOverridden),
  };
}

function isContentType(request: IncomingMessage, wanted: string): boolean {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';');
  return type.trim().toLowerCase() === wanted;
}

/** The body as JSON; null when it is empty. @throws {RestError} 609 */
export function jsonBody({ body }: RestRequest): unknown {
  if (body.trim() === '') return null;
  try {
    return JSON.parse(body);
  } catch {
    throw new RestError(REST_CODES.invalidJson, 'Invalid JSON');
  }
}

/** RFC 6750, 2.1; the scheme in any case. Null without one. A token anywhere else is ignored. */
export function bearerToken(request: IncomingMessage): string | null {
  return /^bearer\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

/** The members of a JSON object; those of anything else are absent. */
export function membersOf(json: unknown): Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null ? (json as Readonly<Record<string, unknown>>) : {};
}
