import type { Config } from '../config/config.ts';
import { isName } from '../config/rest-kinds.ts';
import type { RestSettings, RestUpstream, SoapUpstream } from '../config/upstream.ts';
import { createRestReader, type RestReader } from '../marketo-rest/client-read.ts';
import { unreadable } from '../marketo-rest/failures.ts';
import { createFieldMap, type Field, readDescribe, readSearchableFields } from '../marketo-rest/fields.ts';
import { systemClock } from '../runtime/clock.ts';
import { REST_PATHS } from '../text/rest-protocol.ts';
import { createHttpPost } from '../transport/http-post.ts';
import { proxyFor } from '../transport/proxy.ts';
import { type Failure, NO_LEAD } from '../upstream/outcome.ts';
import { CommandFailure, EXIT_CONFIG, type Process } from './command.ts';
import { findConfig, loadConfig } from './configuration.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** A connection of its own for the calls of a command. */
export function connectTo(config: Config, endpoint: URL): ReturnType<typeof createHttpPost> {
  return createHttpPost({
    endpoint,
    connections: 1,
    maxBodyBytes: config.maxResponseBytes,
    connectTimeoutMs: Math.min(CONNECT_TIMEOUT_MS, config.upstreamTimeoutMs),
    proxy: proxyFor(config.proxies, endpoint),
  });
}

/** A reader of the REST API with its own connections. */
export function connectRest(
  config: Config,
  upstream: RestUpstream,
  userAgent: string,
): { readonly reader: RestReader; readonly close: () => Promise<void> } {
  const api = connectTo(config, upstream.endpoint);
  const identity = connectTo(config, new URL(upstream.identity.href + REST_PATHS.token));
  const reader = createRestReader({
    post: api.post,
    identity: identity.post,
    credentials: { clientId: upstream.clientId, clientSecret: upstream.clientSecret.reveal() },
    basePath: upstream.endpoint.pathname,
    clock: systemClock,
    timeoutMs: config.upstreamTimeoutMs,
    userAgent,
  });
  return {
    reader,
    close: async () => {
      await Promise.all([api.close(), identity.close()]);
    },
  };
}

/** What a command does with each API. */
type UseOfApi<Result> = {
  readonly rest: (reader: RestReader, config: Config) => Promise<Result>;
  readonly soap: (upstream: SoapUpstream, config: Config, userAgent: string) => Promise<Result>;
};

/**
 * Runs a command that reads fields: by the REST API if it has credentials, whichever API leads go to, since before a
 * change from SOAP both have; else by the SOAP API.
 *
 * @throws {CommandFailure} 78 without credentials
 */
export async function withFieldApi<Result>(
  command: string,
  own: Process,
  envFiles: readonly string[],
  { rest: use, soap }: UseOfApi<Result>,
): Promise<Result> {
  const env = { ...own.env, MARKETO_UPSTREAM: 'rest', MARKETO_UPSTREAM_FILE: undefined };
  const asRest = findConfig({ ...own, env }, envFiles);
  const config =
    asRest.ok && asRest.config.upstream !== null ? asRest.config : loadConfig(own, envFiles).config;
  const { upstream } = config;
  if (upstream?.protocol === 'soap') return soap(upstream, config, `lead-gateway/${own.version} ${command}`);
  if (upstream === null) {
    throw new CommandFailure(EXIT_CONFIG, [
      `${command} asks Marketo: set MARKETO_REST_ENDPOINT, MARKETO_CLIENT_ID and MARKETO_CLIENT_SECRET, or the credentials of the SOAP API.`,
    ]);
  }
  const { reader, close } = connectRest(config, upstream, `lead-gateway/${own.version} ${command}`);
  try {
    return await use(reader, config);
  } finally {
    await close();
  }
}

/** The fields of Describe, or why they could not be read. */
export async function readFields(reader: RestReader): Promise<readonly Field[] | Failure> {
  const result = await reader.read('describe');
  if ('kind' in result) return result;
  return readDescribe(result) ?? unreadable('to describe.json has no fields');
}

/** The fields whose SOAP names attributes can have: not those of members such as `Email`. */
export function fieldsWithSoapNames(fields: readonly Field[], settings: RestSettings): readonly Field[] {
  const map = createFieldMap(fields, settings);
  return fields.filter((field) => !map.isMember(field) && isName(field.soapName));
}

/** The REST names of the fields that leads can be found by, or why they are not known. */
export async function readSearchable(reader: RestReader): Promise<ReadonlySet<string> | Failure> {
  const result = await reader.read('describe2');
  if ('kind' in result) return result;
  return readSearchableFields(result) ?? unreadable('to describe2.json has no searchable fields');
}

/**
 * What was read, unless that failed.
 * @throws {CommandFailure} 1 with what to do
 */
export function readOrFail<Value>(result: Value | Failure): Value {
  if (isFailure(result)) throw new CommandFailure(1, [describeFailure(result)]);
  return result;
}

export function isFailure(result: unknown): result is Failure {
  return typeof result === 'object' && result !== null && 'kind' in result && result.kind === 'failed';
}

/** What a failure means to an operator, with Marketo's own words. */
export function describeFailure({ explain, upstream }: Failure): string {
  const said = upstream === undefined ? '' : ` (${upstream.message})`;
  const detail = explain(NO_LEAD).detail.replace(OF_THE_LEAD, '.').replace(OF_SENDING_AGAIN, '');
  return `${detail}${said}`;
}

/** What the words of a problem say of the lead, which a command does not have. */
const OF_THE_LEAD =
  /(?:\. It is not followed)?, so (?:the lead was not sent|whether the lead was saved is not known)\./;
const OF_SENDING_AGAIN =
  / (?:Sending the lead again is safe|Send it again later|Send the lead again (?:in a minute|after the time in Retry-After, .*))\.$/;
