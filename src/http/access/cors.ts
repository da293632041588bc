import type { RequestHandler, Response } from 'express';
import { GatewayError } from '../../leads/errors.ts';
import { hasField, setField, writeHead } from '../head.ts';

/** What a page may read apart from what every page may (Fetch standard, CORS-safelisted response headers). */
const EXPOSED = [
  'X-Request-Id',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'Location',
  'WWW-Authenticate',
  'Preference-Applied',
  'traceparent',
];
const TIMING = 'Server-Timing';
const ALLOWED_HEADERS =
  'Authorization, Content-Type, Prefer, X-API-Key, X-Request-Id, traceparent, tracestate';
/** The longest Chromium keeps the answer to a preflight. */
const MAX_AGE_SECONDS = 7200;

/** Lets pages of these origins call and read answers, errors included; all others get no CORS header at all. */
export function allowOrigins(isAllowed: (origin: string) => boolean): RequestHandler {
  return (req, res, next) => {
    // Also without an Origin, so that no cache answers a page with what was meant for none.
    setField(res, 'Vary', 'Origin');
    const { origin } = req.headers;
    if (origin !== undefined && isAllowed(origin)) {
      setField(res, 'Access-Control-Allow-Origin', origin);
      setField(res, 'Access-Control-Expose-Headers', [...EXPOSED, TIMING].join(', '));
      setField(res, 'Cross-Origin-Resource-Policy', 'cross-origin');
    }
    next();
  };
}

/** Answers OPTIONS: a preflight from an origin that is allowed, or somebody who asks for the methods. */
export function answerPreflight(methods: readonly string[]): RequestHandler {
  return (req, res) => {
    const isPreflight = req.headers['access-control-request-method'] !== undefined;
    if (isPreflight && !hasField(res, 'Access-Control-Allow-Origin')) throw originNotAllowed();
    if (isPreflight) {
      setField(res, 'Access-Control-Allow-Methods', methods.join(', '));
      setField(res, 'Access-Control-Allow-Headers', ALLOWED_HEADERS);
      setField(res, 'Access-Control-Max-Age', MAX_AGE_SECONDS);
    }
    setField(res, 'Allow', [...methods, 'OPTIONS'].join(', '));
    writeHead(res, 204);
    res.end();
  };
}

/** Takes Server-Timing from what a page may read. */
export function hideTiming(res: Response): void {
  if (hasField(res, 'Access-Control-Expose-Headers')) {
    setField(res, 'Access-Control-Expose-Headers', EXPOSED.join(', '));
  }
}

function originNotAllowed(): GatewayError {
  return new GatewayError('forbidden', {
    detail:
      'Pages of this origin may not call the gateway: no publishable key and no CORS_ORIGINS lists it. Secret keys never work in pages of another origin.',
  });
}
