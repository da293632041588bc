import type { IRouter, Request, RequestHandler } from 'express';
import { GatewayError } from '../leads/errors.ts';
import { answerOptions, answerStrayPreflight, isPreflight } from './cors.ts';
import { setField, writeHead } from './respond.ts';

type Handlers = {
  readonly GET?: readonly RequestHandler[];
  readonly PUT?: readonly RequestHandler[];
  /** Of a path with a parameter: whether there is something with that name; when left out, there always is. */
  readonly exists?: (params: Request['params']) => boolean;
};

/**
 * Serves a path with the methods given and refuses all others with 405 and an `Allow` header (RFC 9110, 15.5.6).
 * HEAD works where GET does, OPTIONS everywhere.
 */
export function route(app: IRouter, path: string, { GET, PUT, exists }: Handlers): void {
  const methods = [...(GET ? ['GET', 'HEAD'] : []), ...(PUT ? ['PUT'] : [])];
  const entry = app.route(path);
  if (exists) entry.all((req, _res, next) => (exists(req.params) ? next() : next('route')));
  if (GET) entry.get(...GET);
  if (PUT) entry.put(...PUT);
  entry.options(answerOptions(methods));
  const allow = [...methods, 'OPTIONS'].join(', ');
  entry.all((req, res) => {
    setField(res, 'Allow', allow);
    throw new GatewayError('method-not-allowed', {
      detail: `${req.method} is not possible here; use ${methods.join(' or ')}.`,
    });
  });
}

/** Says that there is nothing here, as for a path the gateway does not know. */
export const refuseUnknownPath: RequestHandler = (req, res) => {
  if (isPreflight(req)) {
    answerStrayPreflight(req, res);
    return;
  }
  if (req.method === 'OPTIONS' && req.url === '*') {
    // Asks whether the server is there at all (RFC 9110, 9.3.7).
    writeHead(res, 204);
    res.end();
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
