import type { RequestHandler, Response } from 'express';
import { GatewayError } from '../../leads/errors.ts';

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
    res.setHeader('Vary', 'Origin');
    const { origin } = req.headers;
    if (origin !== undefined && isAllowed(origin)) {
      res.setHeader('Access-Control-Allow-Origin', origin);
      res.setHeader('Access-Control-Expose-Headers', [...EXPOSED, TIMING].join(', '));
      res.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
    }
    next();
  };
}

/** Answers OPTIONS: a preflight from an origin that is allowed, or somebody who asks for the methods. */
export function answerPreflight(methods: readonly string[]): RequestHandler {
  return (req, res) => {
    const isPreflight = req.headers['access-control-request-method'] !== undefined;
    if (isPreflight && !res.hasHeader('Access-Control-Allow-Origin')) throw originNotAllowed();
    if (isPreflight) {
      res.setHeader('Access-Control-Allow-Methods', methods.join(', '));
      res.setHeader('Access-Control-Allow-Headers', ALLOWED_HEADERS);
      res.setHeader('Access-Control-Max-Age', MAX_AGE_SECONDS);
    }
    res.setHeader('Allow', [...methods, 'OPTIONS'].join(', '));
    res.statusCode = 204;
    res.end();
  };
}

/** Takes Server-Timing from what a page may read. */
export function hideTiming(res: Response): void {
  if (res.hasHeader('Access-Control-Expose-Headers')) {
    res.setHeader('Access-Control-Expose-Headers', EXPOSED.join(', '));
  }
}

function originNotAllowed(): GatewayError {
  return new GatewayError('forbidden', {
    detail:
      'Pages of this origin may not call the gateway: no publishable key and no CORS_ORIGINS lists it. Secret keys never work in a browser.',
  });
}
