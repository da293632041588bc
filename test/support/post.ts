import { type Answer, send } from './client.ts';

/** `POST /leads` with a form as browsers send it, or with bytes of another type. */
export function postForm(
  url: string,
  fields: Readonly<Record<string, string>> | readonly [string, string][] | URLSearchParams,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const body = new URLSearchParams(fields).toString();
  return post(url, body, { 'content-type': 'application/x-www-form-urlencoded', ...headers });
}

export function post(
  url: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>>,
  path = '/leads',
): Promise<Answer> {
  return send(url, path, { method: 'POST', body, headers });
}

/** A body as `fetch` writes it, with its Content-Type. */
export async function multipart(form: FormData): Promise<{ body: Uint8Array; type: string }> {
  const request = new Response(form);
  return {
    body: new Uint8Array(await request.arrayBuffer()),
    type: request.headers.get('content-type') ?? '',
  };
}
