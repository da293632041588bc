import type { IncomingMessage } from 'node:http';
import type { HttpAnswer } from '../../soap-server/endpoint.ts';
import { readBody } from '../../soap-server/request-body.ts';
import { type IssuedToken, SANDBOX_CLIENT } from './tokens.ts';

const MAX_BODY_BYTES = 64 * 1024;

export type IdentityDeps = {
  /** Gives the client's token; called once its credentials are found to be right. */
  readonly issue: () => IssuedToken;
};

/**
 * Serves one request for a token: GET or POST; parameters in the query or in a form body, id and secret also as HTTP
 * Basic. Rejects with a BodyError.
 */
export async function identify(
  request: IncomingMessage,
  query: string,
  { issue }: IdentityDeps,
): Promise<HttpAnswer> {
  const body = (await readBody(request, MAX_BODY_BYTES)).toString('utf8');
  const { method } = request;
  if (method !== 'GET' && method !== 'POST') {
    return refusal(405, 'method_not_allowed', `Request method '${method}' not supported`);
  }
  const parameters = new URLSearchParams(query);
  if (method === 'POST')
    for (const [name, value] of new URLSearchParams(body)) parameters.append(name, value);

  const basic = basicCredentials(request.headers.authorization);
  const clientId = parameters.get('client_id') ?? basic?.id ?? null;
  const secret = parameters.get('client_secret') ?? basic?.secret ?? null;
  const grantType = parameters.get('grant_type');
  if (clientId !== SANDBOX_CLIENT.clientId) {
    return refusal(401, 'unauthorized', `No client with requested id: ${clientId}`);
  }
  if (secret !== SANDBOX_CLIENT.clientSecret) return refusal(401, 'invalid_client', 'Bad client credentials');
  if (grantType !== 'client_credentials') {
    return refusal(400, 'unsupported_grant_type', `Unsupported grant type: ${grantType}`);
  }
  const { accessToken, expiresIn } = issue();
  return answer(200, {
    access_token: accessToken,
    token_type: 'bearer',
    expires_in: expiresIn,
    scope: 'api@example.com',
  });
}

/** RFC 7617: base64 of `id:secret`; null when there are no such credentials. */
function basicCredentials(
  header: string | undefined,
): { readonly id: string; readonly secret: string } | null {
  const [, encoded] = /^basic\s+([\w+/=-]+)\s*$/i.exec(header ?? '') ?? [];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? null : { id: text.slice(0, colon), secret: text.slice(colon + 1) };
}

function refusal(status: number, error: string, description: string): HttpAnswer {
  return answer(status, { error, error_description: description });
}

function answer(status: number, json: unknown): HttpAnswer {
  return {
    status,
    contentType: 'application/json;charset=UTF-8',
    body: JSON.stringify(json),
    headers: { 'Cache-Control': 'no-store', Pragma: 'no-cache' },
  };
}
