import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Config } from '../../config/config.ts';
import { openOutboxStore } from '../../gateway/outbox-store.ts';
import { toCounts, toForgotten, toLead, toPage } from '../../http/outbox/answers.ts';
import { toForget, toOutboxQuery, toRetry } from '../../http/outbox/requests.ts';
import { GatewayError } from '../../leads/errors.ts';
import { createAdministration, NOT_DELIVERING } from '../../outbox/administration.ts';
import { systemClock } from '../../runtime/clock.ts';
import { localUrl } from '../../text/local-url.ts';
import { CommandFailure, EXIT_CONFIG } from '../command.ts';
import { KEY_VARIABLE } from '../gateway-address.ts';
import { askHealth } from '../health.ts';

/** What the commands do with an outbox, by way of its gateway or by themselves. */
export type OutboxClient = {
  counts(): Promise<ReturnType<typeof toCounts>>;
  /** @param search the query of `GET /outbox/leads` */
  page(search: string): Promise<ReturnType<typeof toPage>>;
  /** Rejects with UnknownLead if the outbox does not have it. */
  lead(id: string): Promise<ReturnType<typeof toLead>>;
  /** How many leads are tried again. */
  retry(id: string): Promise<number>;
  retryFailed(problem: string | undefined): Promise<number>;
  discard(id: string): Promise<void>;
  forget(email: string): Promise<ReturnType<typeof toForgotten>>;
};

type Place = {
  readonly config: Config;
  /** Of a gateway that may be on another machine. */
  readonly url: URL | undefined;
  /** @throws {CommandFailure} 78; asked only if a gateway is. */
  readonly key: () => string | undefined;
};

/** How long the gateway of this machine may take to say that it is there, in ms. */
const HEALTH_MS = 2000;

/**
 * Runs a command with the outbox of a gateway: the one at `url`, or the one of this machine if it runs, or else with the
 * store itself.
 *
 * @throws {CommandFailure} 1 with what the gateway or the store said; 78 without an outbox
 */
export async function withOutbox<Result>(
  { config, url, key }: Place,
  use: (client: OutboxClient) => Promise<Result>,
): Promise<Result> {
  const { host, port } = config;
  if (url !== undefined) return use(remoteClient(url.href.replace(/\/+$/, ''), key()));
  const { isUp } = await askHealth({ host, port }, HEALTH_MS);
  if (isUp) return use(remoteClient(localUrl(host, port), key()));
  return withStore(config, use);
}

async function withStore<Result>(
  { outbox, publicUrl, host, port, upstreamTimeoutMs: longestCallMs }: Config,
  use: (client: OutboxClient) => Promise<Result>,
): Promise<Result> {
  if (outbox === null) {
    throw new CommandFailure(EXIT_CONFIG, [
      'No gateway runs here, and OUTBOX_URL is not set; name a gateway with --url URL.',
    ]);
  }
  // Opening it would make it, and a path that is wrong would be told as an outbox without leads.
  if (outbox.store.kind === 'file' && !existsSync(outbox.store.path)) {
    throw new CommandFailure(EXIT_CONFIG, [
      `OUTBOX_URL: ${outbox.store.path} does not exist; a gateway makes it at its first start.`,
    ]);
  }
  const logger = { info() {}, warn() {} };
  const place = { ...outbox, longestCallMs };
  const deps = { randomBytes, clock: systemClock, logger };
  const store = await openOutboxStore(place, deps).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'UnusableStore')
      throw new CommandFailure(EXIT_CONFIG, [error.message]);
    throw error;
  });
  try {
    const administration = createAdministration(store, NOT_DELIVERING, systemClock);
    return await use(localClient(administration, publicUrl ?? localUrl(host, port)));
  } catch (error) {
    if (error instanceof GatewayError) throw new CommandFailure(1, [error.detail]);
    throw error;
  } finally {
    await store.close();
  }
}

function localClient(administration: ReturnType<typeof createAdministration>, baseUrl: string): OutboxClient {
  return {
    counts: async () => toCounts(await administration.counts()),
    page: async (search) => toPage(await administration.list(toOutboxQuery(search)), baseUrl),
    async lead(id) {
      const lead = await administration.lead(id);
      if (lead === undefined) throw noLead(id);
      return toLead(lead, baseUrl);
    },
    async retry(id) {
      const ended = await administration.retry(id);
      if (ended === 'unknown') throw noLead(id);
      if (ended === 'delivered') throw new CommandFailure(1, [`The lead ${id} is delivered already.`]);
      return 1;
    },
    retryFailed: async (problem) => administration.retryFailed(toRetry({ problem })),
    async discard(id) {
      if (!(await administration.discard(id))) throw noLead(id);
    },
    forget: async (email) => toForgotten(await administration.forget(toForget({ email }))),
  };
}

/** The outbox does not have the lead, or no longer. */
export class UnknownLead extends CommandFailure {}

function noLead(id: string): UnknownLead {
  return new UnknownLead(1, [`The outbox has no lead ${id}.`]);
}

function remoteClient(url: string, key: string | undefined): OutboxClient {
  const ask = async <Body>(method: string, path: string, body?: object): Promise<Body> =>
    (await askGateway({ url: `${url}${path}`, method, body, key })) as Body;
  return {
    counts: () => ask('GET', '/outbox'),
    page: (search) => ask('GET', `/outbox/leads?${search}`),
    lead: (id) => ask('GET', pathOf(id)),
    retry: async (id) => (await ask<{ retried: number }>('POST', `${pathOf(id)}/retry`)).retried,
    retryFailed: async (problem) =>
      (await ask<{ retried: number }>('POST', '/outbox/retry', problem === undefined ? {} : { problem }))
        .retried,
    discard: (id) => ask('DELETE', pathOf(id)),
    forget: (email) => ask('POST', '/outbox/forget', { email }),
  };
}

function pathOf(id: string): string {
  return `/outbox/leads/${encodeURIComponent(id)}`;
}

type Asked = {
  readonly url: string;
  readonly method: string;
  readonly body: object | undefined;
  readonly key: string | undefined;
};

/** Erasing a person may take the store this long, in ms. */
const ANSWER_MS = 300_000;

/** One request, without the proxy that `fetch` may find in the environment. @throws {CommandFailure} 1 */
async function askGateway({ url, method, body, key }: Asked): Promise<unknown> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    ...(text !== undefined && {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    }),
  };
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  const { status, answer } = await new Promise<{ status: number; answer: string }>((resolve, reject) => {
    const sent = request(
      url,
      { method, headers, agent: false, signal: AbortSignal.timeout(ANSWER_MS) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, answer: Buffer.concat(chunks).toString('utf8') }),
        );
        response.on('error', reject);
      },
    );
    sent.on('error', (error: NodeJS.ErrnoException) =>
      reject(new CommandFailure(1, [`The gateway does not answer at ${url} (${error.code ?? error.name}).`])),
    );
    sent.end(text);
  });
  return readAnswer(status, answer, url);
}

function readAnswer(status: number, answer: string, url: string): unknown {
  let body: unknown;
  try {
    body = JSON.parse(answer);
  } catch {
    throw new CommandFailure(1, [`What answers at ${url} is not a gateway: ${status}, and no JSON.`]);
  }
  if (status === 200) return body;
  const { detail } = body as { detail?: unknown };
  const isLead = url.includes('/outbox/leads/');
  const Failure = status === 404 && isLead ? UnknownLead : CommandFailure;
  const hints: Readonly<Record<number, string>> = {
    401: ` Name a file with a key: --key-file FILE, or set ${KEY_VARIABLE}.`,
    403: ' Make one with: lead-gateway keys create --outbox.',
    404: isLead ? '' : ' The gateway has no outbox, or is an earlier version.',
  };
  throw new Failure(1, [
    `${typeof detail === 'string' ? detail : `Status ${status}.`}${hints[status] ?? ''}`,
  ]);
}
