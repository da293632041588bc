import type { Request, RequestHandler, Response } from 'express';
import { GatewayError } from '../leads/errors.ts';
import { contextOf } from './request-context.ts';
import { addVary, hasHeader, respondEmpty, setHeader } from './respond.ts';

/** What a page may read besides the CORS-safelisted response headers (Fetch standard). */
const EXPOSED = [
  'X-Request-Id',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'Location',
  'Allow',
  'WWW-Authenticate',
  'Preference-Applied',
  'ETag',
  'traceparent',
  'Server-Timing',
].join(', ');
/** For a preflight that asks for no headers, or for something that is not a list of names. */
const USUAL_HEADERS =
  'Authorization, Content-Type, Idempotency-Key, Prefer, X-API-Key, X-Request-Id, traceparent, tracestate';
/** Chromium caches a preflight no longer than this. */
const MAX_AGE_SECONDS = 7200;

/** Header fields, name before value, of any response to a request with this `Origin`, or without one. */
export type CorsFields = (origin: string | undefined) => readonly string[];

/** Lets pages of allowed origins read a response; all others get no CORS header at all. */
export function createCorsFields(isAllowed: (origin: string) => boolean): CorsFields {
  return (origin) => (origin !== undefined && isAllowed(origin) ? fieldsFor(origin) : ONLY_VARY);
}

/** Even without an Origin, so that no cache gives a page a response without CORS headers. */
const ONLY_VARY = ['Vary', 'Origin'] as const;

function fieldsFor(origin: string): readonly string[] {
  return [
    ...ONLY_VARY,
    'Access-Control-Allow-Origin',
    origin,
    'Access-Control-Expose-Headers',
    EXPOSED,
    'Cross-Origin-Resource-Policy',
    'cross-origin',
  ];
}

/** Runs before everything that responds, so that a page can read the errors, too. */
export function allowOrigins(corsFields: CorsFields): RequestHandler {
  return (req, res, next) => {
    const fields = corsFields(req.headers.origin);
    if (fields === ONLY_VARY) contextOf(res).responseHeaders.push(...ONLY_VARY);
    else for (let at = 0; at < fields.length; at += 2) setHeader(res, fields[at] ?? '', fields[at + 1] ?? '');
    next();
  };
}

/** Whether a browser asks what a page may send (Fetch standard, CORS-preflight request). */
export function isPreflight({ method, headers }: Request): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}

/** Responds to OPTIONS: to a preflight, or to a client that asks for the methods. */
export function respondToOptions(methods: readonly string[]): RequestHandler {
  return (req, res) => {
    if (isPreflight(req)) allowRequest(req, res, methods);
    setHeader(res, 'Allow', [...methods, 'OPTIONS'].join(', '));
    respondEmpty(res, 204);
  };
}

/** Responds to a preflight for an unknown path, so that the page can read the 404 that follows. */
export function respondToStrayPreflight(req: Request, res: Response): void {
  allowRequest(req, res, []);
  respondEmpty(res, 204);
}

/**
 * Browser extensions and monitoring scripts add headers to a page's requests. They are not read here, so all are allowed,
 * by name: `*` would not cover Authorization. The requested method is allowed, too, so that the page can read the 405.
 */
function allowRequest({ headers }: Request, res: Response, methods: readonly string[]): void {
  addVary(res, 'Access-Control-Request-Method, Access-Control-Request-Headers');
  if (!hasHeader(res, 'Access-Control-Allow-Origin')) throw originNotAllowed();
  const requested = headers['access-control-request-method'] ?? '';
  const allowed = methods.includes(requested) || !TOKEN.test(requested) ? methods : [...methods, requested];
  setHeader(res, 'Access-Control-Allow-Methods', allowed.join(', '));
  setHeader(
    res,
    'Access-Control-Allow-Headers',
    headerNames(headers['access-control-request-headers']) ?? USUAL_HEADERS,
  );
  setHeader(res, 'Access-Control-Max-Age', MAX_AGE_SECONDS);
  // Private Network Access: the operator has allowed this origin, wherever its pages are.
  if (headers['access-control-request-private-network'] === 'true') {
    setHeader(res, 'Access-Control-Allow-Private-Network', 'true');
  }
}

/** RFC 9110, 5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** The names in a list (RFC 9110, 5.6.1); undefined if it is not a list of names. */
function headerNames(list: string | undefined): string | undefined {
  if (list === undefined) return undefined;
  const names = list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.length > 0 && names.every((name) => TOKEN.test(name)) ? names.join(', ') : undefined;
}

function originNotAllowed(): GatewayError {
  return new GatewayError('forbidden', {
    detail:
      'Pages of this origin may not call the gateway: no publishable key and no CORS_ORIGINS lists it. Secret keys never work in pages of another origin.',
  });
}
