import { request as httpRequest, type IncomingMessage } from 'node:http';
import { checkResponse } from './conformance.ts';

/** One result of a batch. */
export type BatchResult = {
  readonly index: number;
  readonly status: number;
  readonly leadId?: number;
  readonly result?: string;
  readonly lead?: any;
  readonly problem?: any;
  readonly receipt?: string;
  readonly retryAfter?: number;
};

export const LINES = 'application/x-ndjson';

type Sent = { readonly status: number; readonly headers: Headers; readonly text: string };

async function send(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string>,
): Promise<Sent> {
  const response = await fetch(`${url}/leads/batch`, { method: 'PUT', headers, body });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Sends a batch as one JSON text; a string goes as it is. Fails if the answer is not as the OpenAPI document says. */
export async function putBatch(
  url: string,
  batch: unknown,
  headers: Record<string, string> = {},
): Promise<Sent & { readonly results: BatchResult[]; readonly body: any }> {
  const text = typeof batch === 'string' ? batch : JSON.stringify(batch);
  const sent = await send(url, text, { 'content-type': 'application/json', ...headers });
  checkResponse('PUT', '/leads/batch', sent.status, sent.headers, sent.text);
  const body = JSON.parse(sent.text) as { results?: BatchResult[] };
  return { ...sent, body, results: body.results ?? [] };
}

/**
 * Sends lines; leads are written as JSON, texts and bytes go as they are, each with a line end. Fails if the answer is not
 * as the OpenAPI document says.
 */
export async function putLines(
  url: string,
  lines: readonly unknown[],
  headers: Record<string, string> = {},
): Promise<Sent & { readonly results: BatchResult[] }> {
  const bytes = lines.map((line) =>
    Buffer.isBuffer(line) ? line : Buffer.from(typeof line === 'string' ? line : `${JSON.stringify(line)}\n`),
  );
  const sent = await send(url, new Uint8Array(Buffer.concat(bytes)), { 'content-type': LINES, ...headers });
  checkResponse('PUT', '/leads/batch', sent.status, sent.headers, sent.text);
  return { ...sent, results: resultsIn(sent.text) };
}

function resultsIn(text: string): BatchResult[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as BatchResult);
}

/** A stream of lines whose request is written and whose response is read step by step. */
export async function openLines(url: string, headers: Record<string, string> = {}) {
  const request = httpRequest(`${url}/leads/batch`, {
    method: 'PUT',
    headers: { 'content-type': LINES, ...headers },
  });
  let text = '';
  let isEnded = false;
  let failure: unknown;
  const watchers = new Set<() => void>();
  const changed = () => {
    for (const watcher of watchers) watcher();
  };
  const responded = new Promise<IncomingMessage>((resolve) => {
    request.once('response', (response) => {
      resolve(response);
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        changed();
      });
      response.on('end', () => {
        isEnded = true;
        changed();
      });
      response.on('error', changed);
      response.on('close', changed);
    });
  });
  request.on('error', (error) => {
    failure = error;
    changed();
  });
  request.flushHeaders();
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve, reject) => {
      const check = () => {
        if (condition()) {
          watchers.delete(check);
          resolve();
        } else if (failure !== undefined) {
          watchers.delete(check);
          reject(failure);
        }
      };
      watchers.add(check);
      check();
    });
  return {
    request,
    responded,
    write: (lead: unknown) => request.write(typeof lead === 'string' ? lead : `${JSON.stringify(lead)}\n`),
    end: () => request.end(),
    results: () => resultsIn(text.slice(0, text.lastIndexOf('\n') + 1)),
    /** Resolves once this many results have come. */
    received: (count: number) => until(() => text.split('\n').length - 1 >= count),
    ended: () => until(() => isEnded),
    isEnded: () => isEnded,
  };
}
