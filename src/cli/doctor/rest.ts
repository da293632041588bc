import type { Config } from '../../config/config.ts';
import type { RestUpstream } from '../../config/upstream.ts';
import type { UpsertLead } from '../../leads/lead.ts';
import { createRestUpstream } from '../../marketo-rest/client.ts';
import { systemClock } from '../../runtime/clock.ts';
import { REST_PATHS } from '../../text/rest-protocol.ts';
import { createHttpPost } from '../../transport/http-post.ts';
import { proxyFor } from '../../transport/proxy.ts';
import type { Outcome } from '../../upstream/outcome.ts';
import type { Finding } from './network.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** An id that no lead has: ids count up, and it is the largest possible. */
const UNUSED_ID = 2_147_483_647;

/**
 * Whether the REST API takes the credentials: one `updateOnly` by an id that no lead has, without values. It needs the
 * right to write leads and stores nothing.
 */
export async function checkRest(
  config: Config,
  upstream: RestUpstream,
  { version }: { readonly version: string },
): Promise<readonly Finding[]> {
  const connect = (endpoint: URL) =>
    createHttpPost({
      endpoint,
      connections: 1,
      maxBodyBytes: config.maxResponseBytes,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      proxy: proxyFor(config.proxies, endpoint),
    });
  const api = connect(upstream.endpoint);
  const identity = connect(new URL(upstream.identity.href + REST_PATHS.token));
  const client = createRestUpstream({
    post: api.post,
    identity: identity.post,
    credentials: { clientId: upstream.clientId, clientSecret: upstream.clientSecret.reveal() },
    basePath: upstream.endpoint.pathname,
    clock: systemClock,
    timeoutMs: config.upstreamTimeoutMs,
    userAgent: `lead-gateway/${version} doctor`,
    settings: config.rest,
  });
  const command: UpsertLead = { id: UNUSED_ID, attributes: [], returnLead: false };
  try {
    const step = client.firstStep(command);
    if ('error' in step) return [];
    const signal = new AbortController().signal;
    return [findingOf(await client.call([{ command, step }], { signal, origins: [] }), command)];
  } finally {
    await Promise.all([api.close(), identity.close()]);
  }
}

/** A lead that is not found was looked for, so the credentials are good. */
function findingOf(outcome: Outcome, command: UpsertLead): Finding {
  const record = outcome.kind === 'answered' ? outcome.records[0] : outcome;
  if (record?.kind !== 'failed' || record.error === 'lead-not-found') {
    return { state: 'ok', subject: 'credentials', message: 'Marketo accepts them and lets them write leads' };
  }
  const subject = record.error === 'upstream-access-denied' ? 'credentials' : 'answer';
  const said = record.upstream === undefined ? '' : ` (${record.upstream.message})`;
  return { state: 'fault', subject, message: `${record.explain(command).detail}${said}` };
}
