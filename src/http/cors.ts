import type { Request, RequestHandler, Response } from 'express';
import { GatewayError } from '../leads/errors.ts';
import { contextOf } from './request-context.ts';
import { addVary, hasField, setField, writeHead } from './respond.ts';

/** What a page may read apart from what every page may (Fetch standard, CORS-safelisted response headers). */
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
].join(', ');
const EXPOSED_WITH_TIMING = `${EXPOSED}, Server-Timing`;
/** Of a preflight that asks for none, or for something that is no list of names. */
const USUAL_HEADERS = 'Authorization, Content-Type, Prefer, X-API-Key, X-Request-Id, traceparent, tracestate';
/** The longest Chromium keeps the answer to a preflight. */
const MAX_AGE_SECONDS = 7200;

/** Header fields, name and value by turns, of any answer to a request with this `Origin`, or without one. */
export type CorsFields = (origin: string | undefined) => readonly string[];

/** Lets pages of the origins that are allowed read an answer; all others get no CORS header at all. */
export function createCorsFields(isAllowed: (origin: string) => boolean): CorsFields {
  return (origin) => (origin !== undefined && isAllowed(origin) ? fieldsFor(origin) : ONLY_VARY);
}

/** Also without an Origin, so that no cache answers a page with what was meant for none. */
const ONLY_VARY = ['Vary', 'Origin'] as const;

function fieldsFor(origin: string): readonly string[] {
  return [
    ...ONLY_VARY,
    'Access-Control-Allow-Origin',
    origin,
    'Access-Control-Expose-Headers',
    EXPOSED_WITH_TIMING,
    'Cross-Origin-Resource-Policy',
    'cross-origin',
  ];
}

/** In front of everything that answers, so that a page can read each of the errors, too. */
export function allowOrigins(corsFields: CorsFields): RequestHandler {
  return (req, res, next) => {
    const fields = corsFields(req.headers.origin);
    if (fields === ONLY_VARY) contextOf(res).head.push(...ONLY_VARY);
    else for (let at = 0; at < fields.length; at += 2) setField(res, fields[at] ?? '', fields[at + 1] ?? '');
    next();
  };
}

/** Whether a browser asks what a page may send (Fetch standard, CORS-preflight request). */
export function isPreflight({ method, headers }: Request): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}

/** Answers OPTIONS: a preflight from an origin that is allowed, or somebody who asks for the methods. */
export function answerOptions(methods: readonly string[]): RequestHandler {
  return (req, res) => {
    if (isPreflight(req)) allowRequest(req, res, methods);
    setField(res, 'Allow', [...methods, 'OPTIONS'].join(', '));
    writeHead(res, 204);
    res.end();
  };
}

/** Answers a preflight for a path that does not exist, for the page to read the 404 that follows. */
export function answerStrayPreflight(req: Request, res: Response): void {
  allowRequest(req, res, []);
  writeHead(res, 204);
  res.end();
}

/**
 * Browser extensions and monitoring scripts add headers to the requests of a page. None is read here, so all are allowed,
 * by name: `*` would not cover Authorization. The method asked for is allowed as well, for the page to read the 405.
 */
function allowRequest({ headers }: Request, res: Response, methods: readonly string[]): void {
  addVary(res, 'Access-Control-Request-Method, Access-Control-Request-Headers');
  if (!hasField(res, 'Access-Control-Allow-Origin')) throw originNotAllowed();
  const asked = headers['access-control-request-method'] ?? '';
  const allowed = methods.includes(asked) || !TOKEN.test(asked) ? methods : [...methods, asked];
  setField(res, 'Access-Control-Allow-Methods', allowed.join(', '));
  setField(
    res,
    'Access-Control-Allow-Headers',
    headerNames(headers['access-control-request-headers']) ?? USUAL_HEADERS,
  );
  setField(res, 'Access-Control-Max-Age', MAX_AGE_SECONDS);
  // Private Network Access: the operator has allowed this origin, wherever its pages are.
  if (headers['access-control-request-private-network'] === 'true') {
    setField(res, 'Access-Control-Allow-Private-Network', 'true');
  }
}

/** RFC 9110, 5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** The names of a list (RFC 9110, 5.6.1); undefined when it is none. */
function headerNames(list: string | undefined): string | undefined {
  if (list === undefined) return undefined;
  const names = list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  return names.length > 0 && names.every((name) => TOKEN.test(name)) ? names.join(', ') : undefined;
}

/** Takes Server-Timing from what a page may read. */
export function hideTiming(res: Response): void {
  if (hasField(res, 'Access-Control-Expose-Headers')) {
    setField(res, 'Access-Control-Expose-Headers', EXPOSED);
  }
}

function originNotAllowed(): GatewayError {
  return new GatewayError('forbidden', {
    detail:
      'Pages of this origin may not call the gateway: no publishable key and no CORS_ORIGINS lists it. Secret keys never work in pages of another origin.',
  });
}
