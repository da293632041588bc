import type { Express, RequestHandler } from 'express';
import { GatewayError } from '../leads/errors.ts';
import { setField } from './head.ts';

type Method = 'GET' | 'PUT' | 'OPTIONS';

/**
 * Serves a path with the methods given and refuses all others with 405 and an `Allow` header (RFC 9110, 15.5.6).
 * HEAD works where GET does.
 */
export function route(
  app: Express,
  path: string,
  handlers: Readonly<Partial<Record<Method, readonly RequestHandler[]>>>,
): void {
  const methods = Object.keys(handlers).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  const entry = app.route(path);
  if (handlers.GET) entry.get(...handlers.GET);
  if (handlers.PUT) entry.put(...handlers.PUT);
  if (handlers.OPTIONS) entry.options(...handlers.OPTIONS);
  entry.all((req, res) => {
    setField(res, 'Allow', methods.join(', '));
    throw new GatewayError('method-not-allowed', {
      detail: `${req.method} is not possible here; use ${methods.join(' or ')}.`,
    });
  });
}

/** Says that there is nothing here, as for a path the gateway does not know. */
export const refuseUnknownPath: RequestHandler = () => {
  throw notFound();
};

export function notFound(): GatewayError {
  return new GatewayError('not-found', {
    detail:
      'Nothing is served at this path; GET /docs lists what is. Paths are case-sensitive and do not end in a slash.',
  });
}
