/** A REST API that does with each call what the test says; answers are written by hand. */
import type { ServerResponse } from 'node:http';
import type { Environment } from '../../src/config/files.ts';
import { type ReceivedCall, startUpstream, type TestUpstream } from './upstream.ts';

export const CLIENT_SECRET = 'rest-client-secret-for-tests';

const REQUEST_ID = '3f1a#199c82cc400';

export type RestUpstreamStub = TestUpstream & {
  /** Environment variables that make it a gateway's upstream. */
  readonly env: Environment;
  /** Calls of the API itself, as `METHOD path`, without those for a token and for the calls of the day. */
  paths(): readonly string[];
  /** How often the calls of the day were asked for; these calls are in no other list. */
  usages(): number;
  /** JSON bodies of the sync calls. */
  syncs(): readonly any[];
};

type Answer = (response: ServerResponse, call: ReceivedCall, nth: number) => unknown;

/** What a stub does unless a test says otherwise: one token, every lead created. */
export type RestBehaviour = {
  /** Each request for a token, counted from 0. */
  readonly token?: Answer;
  /** Each other call, counted from 0; undefined as a result: the usual answer. */
  readonly call?: Answer;
  /** The calls of the day; not among the others. */
  readonly usage?: Answer;
};

const USAGE_PATH = '/v1/stats/usage.json';

export async function startRestUpstream(behaviour: RestBehaviour = {}): Promise<RestUpstreamStub> {
  let tokens = 0;
  let calls = 0;
  const upstream = await startUpstream(async (response, call) => {
    if (call.url.endsWith(USAGE_PATH) && behaviour.usage === undefined) {
      succeed(response, [{ date: '2026-11-26', total: 0, users: [] }]);
      return;
    }
    if (call.url.endsWith(USAGE_PATH)) {
      await behaviour.usage?.(response, call, 0);
      return;
    }
    const isToken = call.url.startsWith('/identity/');
    const given = isToken ? behaviour.token : behaviour.call;
    const nth = isToken ? tokens++ : calls++;
    const answered = await given?.(response, call, nth);
    if (answered !== undefined) return;
    if (isToken) sendJson(response, tokenAnswer('token-1'));
    else usualAnswer(response, call);
  });
  const origin = `http://127.0.0.1:${upstream.port}`;
  const own = () =>
    upstream.calls.filter(({ url }) => !url.startsWith('/identity/') && !url.endsWith(USAGE_PATH));
  return {
    ...upstream,
    get calls() {
      return upstream.calls.filter(({ url }) => !url.endsWith(USAGE_PATH));
    },
    usages: () => upstream.calls.filter(({ url }) => url.endsWith(USAGE_PATH)).length,
    env: {
      MARKETO_REST_ENDPOINT: `${origin}/rest`,
      MARKETO_CLIENT_ID: 'client-for-tests',
      MARKETO_CLIENT_SECRET: CLIENT_SECRET,
    },
    paths: () => own().map(({ method, url }) => `${method} ${url}`),
    syncs: () =>
      own()
        .filter(({ method, url }) => method === 'POST' && url === '/rest/v1/leads.json')
        .map(({ body }) => JSON.parse(body) as unknown),
  };
}

export function tokenAnswer(token: string, expiresIn: unknown = 3599): unknown {
  return { access_token: token, token_type: 'bearer', expires_in: expiresIn, scope: 'api@example.com' };
}

/** Always true, so that a behaviour can end with it. */
export function sendJson(response: ServerResponse, body: unknown, status = 200): true {
  response.writeHead(status, { 'Content-Type': 'application/json;charset=UTF-8' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
  return true;
}

export function succeed(response: ServerResponse, result?: unknown, more: object = {}): true {
  return sendJson(response, {
    requestId: REQUEST_ID,
    ...(result !== undefined && { result }),
    ...more,
    success: true,
  });
}

export function refuse(response: ServerResponse, code: unknown, message = 'said'): true {
  return sendJson(response, { requestId: REQUEST_ID, success: false, errors: [{ code, message }] });
}

/** Fields with both names and every kind of type. */
const DESCRIBED = [
  field(2, 'integer', 'id', 'Id', true),
  field(3, 'email', 'email', 'Email'),
  field(4, 'string', 'firstName', 'FirstName'),
  field(5, 'string', 'lastName', 'LastName'),
  field(6, 'score', 'leadScore', 'LeadScore'),
  field(7, 'boolean', 'unsubscribed', 'Unsubscribed'),
  field(8, 'string', 'inferredCompany', 'InferredCompany', true),
  field(9, 'string', 'crmPersonId', undefined),
  field(10, 'integer', 'netsuiteId', undefined),
  field(11, 'string', 'sfdcLeadId', undefined, true),
  field(12, 'string', 'sfdcContactId', undefined),
  field(13, 'reference', 'leadPartitionId', 'Lead Partition ID'),
  field(14, 'string', 'cookies', undefined, true),
];

function field(id: number, dataType: string, rest: string, soap: string | undefined, readOnly = false) {
  return {
    id,
    displayName: rest,
    dataType,
    length: 255,
    rest: { name: rest, readOnly },
    ...(soap !== undefined && { soap: { name: soap, readOnly } }),
  };
}

const SEARCHABLE = ['id', 'email', 'cookies', 'crmPersonId', 'netsuiteId', 'sfdcLeadId', 'sfdcContactId'];

function usualAnswer(response: ServerResponse, { method, url, body }: ReceivedCall): void {
  const path = url.replace(/\?.*/, '').replace('/rest/v1/', '');
  if (path === 'leads/describe.json') succeed(response, DESCRIBED);
  else if (path === 'leads/describe2.json') {
    succeed(response, [{ name: 'API Lead', searchableFields: SEARCHABLE.map((name) => [name]), fields: [] }]);
  } else if (path === 'leads/partitions.json') {
    succeed(response, [
      { id: 1, name: 'Default' },
      { id: 2, name: 'Europe' },
    ]);
  } else if (path === 'leads.json' && method === 'POST' && !url.includes('_method')) {
    const { input } = JSON.parse(body) as { input: readonly unknown[] };
    succeed(
      response,
      input.map((_, index) => ({ id: 1_000_001 + index, status: 'created' })),
    );
  } else if (path === 'leads.json') succeed(response, []);
  else succeed(response);
}
