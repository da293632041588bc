import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { BodyError, readBody } from '../../soap-server/request-body.ts';
import type { RequestTarget } from '../http-server.ts';
import { ControlError } from './members.ts';
import type { PageFiles, ServerSentEvents } from './page.ts';
import type { ControlReply, ControlRoutes } from './route.ts';

/** Names and addresses of this machine alone (RFC 6761, 6.3). */
const LOOPBACK = /^(?:(?:[a-z0-9-]+\.)*localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/i;
/**
 * Names that cannot be registered: those of containers and Services, which have no dot, and those reserved for private
 * networks (RFC 6762, `.internal`, the default domain of Kubernetes).
 */
const PRIVATE_NAME = /^[a-z0-9_-]+(?:(?:\.[a-z0-9_-]+)*\.(?:internal|local|svc))?\.?$/i;

/**
 * Keeps foreign web pages out of the control API, which takes no credentials (docs/sandbox.md#access): Host shows a name
 * that was rebound to this address, Origin and Sec-Fetch-Site show the page that sends a request.
 * @throws {ControlError} 403
 */
function guardControl(headers: IncomingHttpHeaders, ownHost: string): void {
  const host = headers.host ?? '';
  const name = host.replace(/:\d+$/, '');
  if (!isOwnName(name, ownHost)) {
    throw new ControlError(403, 'Address the control API as localhost or 127.0.0.1: it is for local use.');
  }
  const { origin } = headers;
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    throw new ControlError(403, 'The control API takes no requests from pages of another origin.');
  }
  const site = headers['sec-fetch-site'];
  if (site === 'cross-site' && headers['sec-fetch-mode'] !== 'navigate') {
    throw new ControlError(403, 'The control API takes no requests from pages of another site.');
  }
}

function isOwnName(name: string, ownHost: string): boolean {
  if (LOOPBACK.test(name) || name.toLowerCase() === ownHost.toLowerCase()) return true;
  const bound = ownHost.includes(':') ? `[${ownHost}]` : ownHost;
  if (LOOPBACK.test(bound)) return false;
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || PRIVATE_NAME.test(name);
}

export const CONTROL_PATH = '/_sandbox';

const MAX_BODY_BYTES = 1024 * 1024;
const TITLES: Readonly<Record<number, string>> = {
  400: 'The request is not valid',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  413: 'The body is too large',
  415: 'The body must be JSON',
  500: 'A defect of the sandbox',
};

/** Serves one request to the control API. Never rejects. */
export type ControlApi = (
  request: IncomingMessage,
  response: ServerResponse,
  target: RequestTarget,
) => Promise<void>;

export type ControlApiDeps = {
  readonly routes: ControlRoutes;
  readonly pageFiles: PageFiles;
  readonly events: ServerSentEvents;
  /** The host the sandbox listens on. */
  readonly ownHost: string;
};

/** The HTTP side of the control API: access, page, event stream, routing, JSON, problem documents. */
export function createControlApi({ routes, pageFiles, events, ownHost }: ControlApiDeps): ControlApi {
  return async (request, response, { path, query }) => {
    try {
      guardControl(request.headers, ownHost);
      const below = path.slice(CONTROL_PATH.length);
      const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
      if (method === 'GET' && pageFiles(below, response)) return;
      if (request.method === 'GET' && below === '/events') {
        events.serve(request, response);
        return;
      }
      const { handlers, id } = routeOf(routes, below);
      const handler = handlers[method];
      if (!handler) {
        const allow = Object.keys(handlers).join(', ');
        throw new ControlError(405, `Use ${allow} here.`, allow);
      }
      const body = method === 'POST' || method === 'PUT' ? await readJson(request) : undefined;
      sendReply(response, await handler({ id, query: new URLSearchParams(query), body }));
      if (method !== 'GET') events.changed();
    } catch (error) {
      sendProblem(response, error);
    }
  };
}

function routeOf(routes: ControlRoutes, path: string) {
  const exact = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (exact) return { handlers: exact, id: '' };
  const slash = path.lastIndexOf('/');
  const byId = routes[`${path.slice(0, slash)}/:id`];
  if (byId) return { handlers: byId, id: path.slice(slash + 1) };
  throw new ControlError(
    404,
    `There is nothing at ${CONTROL_PATH}${path}. See ${CONTROL_PATH}/openapi.json.`,
  );
}

/** The body as JSON; undefined when there is none. @throws {ControlError} 400, 413, 415 */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const bytes = await readBody(request, MAX_BODY_BYTES);
  if (bytes.length === 0) return undefined;
  // A page of another origin can send plain text without a CORS preflight, but not JSON.
  if (!/^application\/json\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new ControlError(415, 'Send the body with Content-Type: application/json.');
  }
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new ControlError(400, 'The body is not JSON.');
  }
}

function sendReply(response: ServerResponse, { status, json }: ControlReply): void {
  if (json === undefined) {
    response.writeHead(status, { 'Cache-Control': 'no-store' }).end();
    return;
  }
  sendJson(response, status, 'application/json', json);
}

function sendProblem(response: ServerResponse, error: unknown): void {
  const known = error instanceof ControlError || error instanceof BodyError ? error : null;
  const status = known?.status ?? 500;
  if (error instanceof ControlError && error.allow !== undefined) response.setHeader('Allow', error.allow);
  if (status === 413) response.setHeader('Connection', 'close');
  sendJson(response, status, 'application/problem+json', {
    type: 'about:blank',
    title: TITLES[status],
    status,
    detail: known?.message ?? 'The sandbox failed while it served this request.',
  });
}

function sendJson(response: ServerResponse, status: number, contentType: string, json: unknown): void {
  const body = Buffer.from(`${JSON.stringify(json, null, 2)}\n`);
  response
    .writeHead(status, {
      'Content-Type': contentType,
      'Content-Length': body.length,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    })
    .end(body);
}
