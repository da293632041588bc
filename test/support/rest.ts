/** A bare client of the sandbox's REST face: requests written by hand, nothing of the product. */
import { get } from 'node:http';
import type { TestSandbox } from './sandbox.ts';

export const TOKEN_QUERY =
  'grant_type=client_credentials&client_id=sandbox&client_secret=sandbox-client-secret';

export type RestAnswer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined when the answer is not JSON. */
  readonly json: any;
  /** Code of the first error; null without one. */
  readonly code: unknown;
};

type RestRequest = {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

export type RestClient = {
  /** A request with the token, `path` below `/rest/v1`; a body that is not a string is sent as JSON. */
  request(method: string, path: string, more?: RestRequest): Promise<RestAnswer>;
  /** A sync by these members of the body. */
  sync(input: readonly unknown[], more?: Readonly<Record<string, unknown>>): Promise<RestAnswer>;
  /** The results of a sync that succeeds. */
  results(input: readonly unknown[], more?: Readonly<Record<string, unknown>>): Promise<any[]>;
  /** The leads of a find that succeeds. */
  find(filterType: string, filterValues: string | number, fields?: string): Promise<any[]>;
  token(): Promise<string>;
};

export function restClient({ url }: Pick<TestSandbox, 'url'>): RestClient {
  let token: Promise<string> | undefined;

  const request: RestClient['request'] = async (method, path, { body, headers = {} } = {}) => {
    token ??= fetchToken(url);
    return send(
      `${url}/rest/v1${path}`,
      method,
      {
        Authorization: `Bearer ${await token}`,
        ...(method === 'POST' && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      body,
    );
  };
  const sync: RestClient['sync'] = (input, more = {}) =>
    request('POST', '/leads.json', { body: { ...more, input } });
  return {
    request,
    sync,
    results: async (input, more) => succeeded(await sync(input, more)),
    find: async (filterType, filterValues, fields) =>
      succeeded(
        await request(
          'GET',
          `/leads.json?filterType=${filterType}&filterValues=${encodeURIComponent(filterValues)}${
            fields === undefined ? '' : `&fields=${fields}`
          }`,
        ),
      ),
    token: () => (token ??= fetchToken(url)),
  };
}

function succeeded({ json, text }: RestAnswer): any[] {
  if (json?.success !== true) throw new Error(`not a success: ${text}`);
  return json.result;
}

async function fetchToken(url: string): Promise<string> {
  return (await identity(url)).json.access_token;
}

/** A request for a token. */
export function identity(
  url: string,
  {
    method = 'GET',
    query = TOKEN_QUERY,
    headers = {},
    body,
  }: {
    readonly method?: string;
    readonly query?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  } = {},
): Promise<RestAnswer> {
  return send(`${url}/identity/oauth/token${query === '' ? '' : `?${query}`}`, method, headers, body);
}

async function send(
  address: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  body: unknown,
): Promise<RestAnswer> {
  const response = await fetch(address, {
    method,
    headers,
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = jsonOf(text);
  return {
    status: response.status,
    headers: response.headers,
    text,
    json,
    code: json?.errors?.[0]?.code ?? null,
  };
}

function jsonOf(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A GET whose body stays as it was sent: fetch decompresses it. */
export function getBytes(
  address: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly coding: string | null; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    get(address, { headers, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve({ coding: incoming.headers['content-encoding'] ?? null, body: Buffer.concat(chunks) }),
      );
    }).on('error', reject);
  });
}
