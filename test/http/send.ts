import { request } from 'node:http';
import { checkResponse } from '../support/conformance.ts';
import { record } from '../support/record.ts';
import { checkViolations, proxyFor, withoutViolations } from '../support/validating-proxy.ts';

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
