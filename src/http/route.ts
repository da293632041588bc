import type { IRouter, Request, RequestHandler } from 'express';
import { GatewayError } from '../leads/errors.ts';
import { isPreflight, respondToOptions, respondToStrayPreflight } from './cors.ts';
import { respondEmpty, setHeader } from './respond.ts';

type Handlers = {
  readonly GET?: readonly RequestHandler[];
  readonly PUT?: readonly RequestHandler[];
  readonly POST?: readonly RequestHandler[];
  readonly DELETE?: readonly RequestHandler[];
  /** For a path with a parameter: whether that resource exists; when left out, it always does. */
  readonly exists?: (params: Request['params']) => boolean;
};

/**
 * Serves a path with the given methods and refuses all others with 405 and an `Allow` header (RFC 9110, 15.5.6).
 * HEAD works wherever GET does, OPTIONS everywhere.
 */
export function route(app: IRouter, path: string, { GET, PUT, POST, DELETE, exists }: Handlers): void {
  const methods = [
    ...(GET ? ['GET', 'HEAD'] : []),
    ...(PUT ? ['PUT'] : []),
    ...(POST ? ['POST'] : []),
    ...(DELETE ? ['DELETE'] : []),
  ];
  const entry = app.route(path);
  if (exists) entry.all((req, _res, next) => (exists(req.params) ? next() : next('route')));
  if (GET) entry.get(...GET);
  if (PUT) entry.put(...PUT);
  if (POST) entry.post(...POST);
  if (DELETE) entry.delete(...DELETE);
  entry.options(respondToOptions(methods));
  const allow = [...methods, 'OPTIONS'].join(', ');
  entry.all((req, res) => {
    setHeader(res, 'Allow', allow);
    throw new GatewayError('method-not-allowed', {
      detail: `${req.method} is not possible here; use ${anyOf(methods)}.`,
    });
  });
}

/** The last handler: responds with `not-found`. */
export const refuseUnknownPath: RequestHandler = (req, res) => {
  if (isPreflight(req)) {
    respondToStrayPreflight(req, res);
    return;
  }
  if (req.method === 'OPTIONS' && req.url === '*') {
    // Asks whether the server is there at all (RFC 9110, 9.3.7).
    respondEmpty(res, 204);
    return;
  }
  throw notFound();
};

export function notFound(): GatewayError {
  return new GatewayError('not-found', {
    detail:
      'Nothing is served at this path; GET /docs lists what is. Paths are case-sensitive and do not end in a slash.',
  });
}

/** By hand, since a start has no time for the data that `Intl` loads. */
function anyOf(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length > 1 ? `${names.slice(0, -1).join(', ')} or ${last}` : last;
}
