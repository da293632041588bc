import type { ServerResponse } from 'node:http';
import { refuse, succeed } from '../../support/rest-upstream.ts';

/** Does something with one call; always true, so that nothing else is answered. */
export type Answering = (response: ServerResponse) => true;

/** The operations of the API that a row is tried with. */
export type Operation = 'update' | 'create' | 'find' | 'associate';

/** One way for the API to behave, and what the caller must get by each operation, as `outcomeOf` writes it. */
export type Row = {
  readonly what: string;
  readonly answer: Answering;
  readonly expected: Readonly<Record<Operation, string>>;
};

/** The same for one operation. */
export type OwnRow = readonly [what: string, answer: Answering, expected: string];

/** @param others where an operation differs from the rest */
export function row(
  what: string,
  answer: Answering,
  expected: string,
  others: Partial<Row['expected']> = {},
): Row {
  const all = { update: expected, create: expected, find: expected, associate: expected };
  return { what, answer, expected: { ...all, ...others } };
}

export const DENIED = '502 upstream-access-denied';
export const BROKEN = '502 upstream-error';
export const REJECTED = '422 lead-rejected';
export const BAD = '502 upstream-bad-response';
/** After five attempts. */
export const PASSING = '502 upstream-error retryable, 5 calls';
export const AWAY = '502 upstream-unreachable retryable, 5 calls';
/** A `createOrUpdate` whose end is not known is made once. */
export const UNSETTLED = { create: '504 upstream-timeout retryable' };

export function says(
  body: string | Buffer,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Answering {
  return (response) => {
    response.writeHead(status, { 'Content-Type': 'application/json;charset=UTF-8', ...headers });
    response.end(body);
    return true;
  };
}

export const HTML = '<html><body>Bad gateway</body></html>';

export const html = (status: number, headers = {}): Answering =>
  says(HTML, status, { 'Content-Type': 'text/html', ...headers });

export const refuses =
  (code: unknown, message?: string): Answering =>
  (response) =>
    refuse(response, code, message);

export const reset: Answering = (response) => {
  response.destroy();
  return true;
};

/** A body that ends before its length. */
export const cut: Answering = (response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '500' });
  response.write('{"success":true,"result":[');
  setImmediate(() => response.socket?.end());
  return true;
};

/** Bytes that are no HTTP. */
export const noise: Answering = (response) => {
  response.socket?.end('SSH-2.0-OpenSSH_9.6\r\n');
  return true;
};

export const silent: Answering = () => true;

/** A body that goes on and on. */
export const slow: Answering = (response) => {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.write('{"success":');
  return true;
};

export const skips =
  (reasons?: unknown): Answering =>
  (response) =>
    succeed(response, [{ status: 'skipped', ...(reasons !== undefined && { reasons }) }]);
