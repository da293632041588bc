import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashKey } from '../../src/access/api-key.ts';
import { readConfig } from '../../src/config/config.ts';
import type { Environment } from '../../src/config/files.ts';
import { type GatewayDeps, startGateway } from '../../src/gateway/gateway.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { type Clock, systemClock } from '../../src/runtime/clock.ts';
import { checkResponse } from './conformance.ts';
import { record, TEST_KEY, TEST_KEYS } from './recordings.ts';
import { checkViolations, proxyFor, withoutViolations } from './validating-proxy.ts';
import { atEnd } from './lasting.ts';
import { startWorkerHere } from './outbox-worker.ts';

export type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: any;
};

export type TestGateway = {
  readonly url: string;
  /** The embedded sandbox's url; empty with another upstream. */
  readonly sandboxUrl: string;
  readonly logs: readonly string[];
  /** Any request; the answer is checked against the OpenAPI document and kept for the leak watch. */
  request(method: string, path: string, init?: RequestInit): Promise<Answer>;
  /** `PUT /leads` with a value as JSON, or with a string as it is. */
  putLead(lead: unknown, init?: RequestInit): Promise<Answer>;
  close(): Promise<void>;
};

/** Environment variables for an upstream at `endpoint`. */
export function upstreamAt(endpoint: string): Environment {
  return {
    MARKETO_SOAP_ENDPOINT: endpoint,
    MARKETO_USER_ID: 'tester',
    MARKETO_ENCRYPTION_KEY: TEST_KEY,
  };
}

/**
 * The whole gateway on free ports, on its embedded sandbox unless `env` names an upstream; closed when the test ends. Its
 * outbox works in this thread, unless `deps` has undefined for `startOutboxWorker`: a thread takes 70 ms of CPU to start.
 */
export async function startTestGateway(
  env: Environment = {},
  deps: Partial<Pick<GatewayDeps, keyof Clock | 'random' | 'env' | 'startOutboxWorker'>> = {},
): Promise<TestGateway> {
  const read = readConfig(
    { PORT: '0', SANDBOX_PORT: '0', SHUTDOWN_DELAY_MS: '0', LOG_LEVEL: 'debug', ...env },
    (path) => readFileSync(path, 'utf8'),
  );
  if (!read.ok) throw new Error(read.mistakes.join('\n'));
  const logs: string[] = [];
  const gateway = await startGateway(read.config, {
    logger: createLogger({
      level: read.config.logLevel,
      destination: {
        write(line) {
          logs.push(line);
          record(line);
        },
      },
    }),
    version: '0.0.0-test',
    ...systemClock,
    // Little of the full jitter: else tests wait for the pauses between attempts.
    random: () => 0.02,
    newRequestId: randomUUID,
    randomBytes,
    lostLogLines: () => 0,
    startOutboxWorker: startWorkerHere,
    ...deps,
  });
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= gateway.close());
  atEnd(close);

  const request = async (method: string, path: string, init: RequestInit = {}): Promise<Answer> => {
    const outgoing = {
      method,
      path,
      headers: Object.fromEntries(new Headers(init.headers)),
      body: init.body,
    };
    const url = (await proxyFor(gateway.url, outgoing)) + path;
    const response = await fetch(url, { redirect: 'manual', ...init, method });
    const text = await response.text();
    const { status } = response;
    const received = Object.fromEntries(response.headers);
    const headers = new Headers(withoutViolations(received));
    // A test may send a key there; the gateway must not say it.
    record(`${method} ${path.split('?', 1)[0]} ${status} ${JSON.stringify([...headers])} ${text}`);
    const isJson = /[/+]json\b/.test(headers.get('content-type') ?? '');
    const body = isJson && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : undefined;
    checkViolations(outgoing, status, received, body ?? {});
    checkResponse(method, path, status, headers, text);
    return { status, headers, text, body };
  };
  return {
    url: gateway.url,
    sandboxUrl: gateway.sandboxUrl ?? '',
    logs,
    request,
    putLead: (lead, init = {}) =>
      request('PUT', '/leads', {
        body: typeof lead === 'string' ? lead : JSON.stringify(lead),
        ...init,
        headers: { 'content-type': 'application/json', ...(init.headers as Record<string, string>) },
      }),
    close,
  };
}

/** An entry of a keys file for one of the test keys. */
export type Entry = { readonly name: string; readonly key: string; readonly [member: string]: unknown };

export type KeysFile = {
  readonly path: string;
  /** Puts a new file in the old one's place at once, as editors and `keys` do. */
  replace(entries: readonly Entry[]): void;
  /** The same with any text. */
  replaceText(text: string): void;
};

export const ORIGIN = 'https://www.example.com';

/** A secret key that may do everything with leads. */
export const SECRET: Entry = {
  name: 'back-end',
  key: TEST_KEYS.secret,
  kind: 'secret',
  workspaces: ['*'],
  attributes: ['*'],
  returnLead: true,
  byId: true,
  byForeignId: true,
  metrics: true,
};

/** A secret key for the operator's work with the outbox. */
export const OPERATOR: Entry = { name: 'operator', key: TEST_KEYS.operator, kind: 'secret', outbox: true };

/** A publishable key that may do all such a key may. */
export const PUBLISHABLE: Entry = {
  name: 'web-form',
  key: TEST_KEYS.publishable,
  kind: 'publishable',
  origins: [ORIGIN],
  workspaces: ['*'],
  attributes: ['FirstName', 'LastName', 'Comp*'],
};

/** A new file of keys, in a folder that goes with the test. */
export function writeKeysFile(entries: readonly Entry[]): KeysFile {
  const folder = mkdtempSync(join(tmpdir(), 'lead-gateway-keys-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'keys.json');
  const replaceText = (text: string) => {
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  };
  const replace = (next: readonly Entry[]) => replaceText(keysText(next));
  replace(entries);
  return { path, replace, replaceText };
}

export function keysText(entries: readonly Entry[]): string {
  return JSON.stringify({ keys: entries.map(({ key, ...entry }) => ({ hash: hashKey(key), ...entry })) });
}

/** A gateway that knows these keys; the sandbox is its upstream unless `env` says otherwise. */
export async function startKeyedGateway(
  entries: readonly Entry[],
  env: Readonly<Record<string, string | undefined>> = {},
  deps: Parameters<typeof startTestGateway>[1] = {},
): Promise<TestGateway & { readonly file: KeysFile }> {
  const file = writeKeysFile(entries);
  const settings = {
    API_KEYS_FILE: file.path,
    AUTH_FAILURES_PER_MINUTE: '100000',
    PUBLISHABLE_RESPONSE_MS: '100',
    PUBLISHABLE_REQUESTS_PER_MINUTE: '100000',
  };
  const gateway = await startTestGateway({ ...settings, ...env }, deps);
  return { ...gateway, file };
}

/** The header that sends a key. */
export function bearer(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` };
}
