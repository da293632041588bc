import { request } from 'node:http';
import { connect } from 'node:net';
import { expect } from 'vitest';
import { checkResponse } from './conformance.ts';
import { record } from './recordings.ts';
import { checkViolations, proxyFor, withoutViolations } from './validating-proxy.ts';

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly json: Record<string, unknown>;
};

type Options = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
};

/** Sends one request on a connection of its own and checks the answer against the OpenAPI document. */
export async function send(url: string, path: string, options: Options = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = options;
  const outgoing = { method, path, headers, body };
  const address = await proxyFor(url, outgoing);
  // Without the header the proxy would send its own, which asks for plain JSON.
  const sent = address === url ? headers : { accept: '*/*', ...headers };
  const raw = await requestOnce(address, path, method, sent, body);
  checkViolations(outgoing, raw.status, raw.headers, raw.json);
  const answer = { ...raw, headers: withoutViolations(raw.headers) };
  record(`${method} ${path} ${answer.status} ${JSON.stringify(answer.headers)} ${answer.text}`);
  checkResponse(method, path, answer.status, answer.headers, answer.text);
  return answer;
}

/** `PUT /leads` with a lead as JSON, or with a text or bytes unchanged. */
export function putLead(
  url: string,
  lead: object | string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const body = typeof lead === 'string' || lead instanceof Uint8Array ? lead : JSON.stringify(lead);
  return send(url, '/leads', {
    method: 'PUT',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
}

function requestOnce(
  url: string,
  path: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array | undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const outgoing = request({ hostname, port, path, method, headers, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const isJson = /json/.test(incoming.headers['content-type'] ?? '') && text !== '';
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          text,
          json: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
        });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Matches the `type` of a problem: an absolute URL, of the page that explains the problem. */
export function problemType(slug: string): unknown {
  return expect.stringMatching(new RegExp(`^https?://[^/]+/problems/${slug}$`));
}

/** Sends bytes over a socket and returns everything received until the server closes it, or `until` matches. */
export function sendRaw(url: string, bytes: string | Uint8Array, until?: RegExp): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      received += chunk;
      if (until?.test(received)) socket.end();
    });
    socket.on('close', () => resolve(received));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      received === '' && error.code !== 'ECONNRESET' ? reject(error) : resolve(received),
    );
  });
}
