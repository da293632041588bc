import type { OutgoingHttpHeaders } from 'node:http';
import type { Environment } from '../../../src/config/files.ts';
import type { RawOptions, Behaviour } from '../../support/upstream.ts';

/** The parts of a problem document that matter; `upstream` is compared whole, where it is given. */
export type ExpectedProblem = {
  readonly status: number;
  readonly slug: string;
  readonly retryable?: boolean;
  readonly upstream?: { readonly code?: number; readonly message: string };
};

/** The body of a 200 or 201, whole. */
export type ExpectedResult = {
  readonly leadId: number;
  readonly status: string;
  readonly lead?: object;
};

/** One way for an upstream to behave, and what the caller must get. */
export type UpstreamBehaviour = {
  readonly what: string;
  /** What it does over HTTP or on bare sockets, or an endpoint where nothing listens. */
  readonly upstream:
    | { readonly http: Behaviour }
    | { readonly raw: RawOptions; readonly scheme?: 'https' }
    | { readonly endpoint: string };
  readonly expected: { readonly result: ExpectedResult } | { readonly problem: ExpectedProblem };
  /** Calls that arrive at the upstream. */
  readonly calls?: number;
  readonly env?: Environment;
};

/** An HTTP answer with a body. */
export function says(
  body: string | Buffer,
  { status = 200, headers = {} }: { status?: number; headers?: OutgoingHttpHeaders } = {},
): { readonly http: Behaviour } {
  return {
    http: (response) => {
      response.writeHead(status, { 'content-type': 'text/xml; charset=utf-8', ...headers }).end(body);
    },
  };
}

/** The bytes of an HTTP/1.1 answer. */
export function rawAnswer(
  body: string,
  headers: readonly string[] = [],
  statusLine = 'HTTP/1.1 200 OK',
): string {
  return [
    statusLine,
    'Content-Type: text/xml',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
    '',
    body,
  ].join('\r\n');
}

export const problem = (
  status: number,
  slug: string,
  rest: Omit<ExpectedProblem, 'status' | 'slug'> = {},
): { readonly problem: ExpectedProblem } => ({ problem: { status, slug, ...rest } });

export const badResponse = problem(502, 'upstream-bad-response', { retryable: false });
export const unreachable = problem(502, 'upstream-unreachable', { retryable: true });
export const timedOut = problem(504, 'upstream-timeout', { retryable: true });

export const result = (members: Partial<ExpectedResult> = {}): { readonly result: ExpectedResult } => ({
  result: { leadId: 1089965, status: 'UPDATED', ...members },
});

export const LEAD = {
  id: 1089965,
  email: 't@t.com',
  foreignSysPersonId: null,
  foreignSysType: null,
  attributes: {},
};
