import type { Config } from '../../config/config.ts';
import type { SoapUpstream, Upstream } from '../../config/upstream.ts';
import { createSoapClient } from '../../marketo-soap/client.ts';
import { redirectOf, type SoapOutcome } from '../../marketo-soap/outcome.ts';
import { createUpstreamClock } from '../../marketo-soap/signing.ts';
import { MAX_INT32 } from '../../text/int32.ts';
import { createHttpPost, type HttpPost } from '../../transport/http-post.ts';
import { proxyFor } from '../../transport/proxy.ts';
import { limitFault } from './limits.ts';
import { checkNetwork, type Finding } from './network.ts';

export type CheckUpstreamDeps = {
  readonly version: string;
  /** The time of day, in ms since 1970. */
  readonly now: () => number;
};

/**
 * An id that no lead has: ids count up, and it is the largest possible. An upsert by id never creates a lead, so a call
 * with only this id changes nothing, whatever the upstream answers.
 */
const UNUSED_ID = MAX_INT32;

/** The upstream accepts timestamps up to 15 minutes off (docs/marketo-soap.md#authentication); a third of it is a fault. */
const SKEW_FAULT_MS = 5 * 60_000;
const SKEW_NOTE_MS = 30_000;

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Finds out what keeps the gateway from writing leads to the configured upstream: network, then what its protocol needs.
 * Stores nothing.
 */
export async function checkUpstream(
  config: Config & { readonly upstream: Upstream },
  deps: CheckUpstreamDeps,
): Promise<readonly Finding[]> {
  const { upstream } = config;
  const network = await networkFindings(config, upstream);
  if (network.some(({ state }) => state === 'fault')) return network;
  if (upstream.protocol === 'soap') return [...network, ...(await checkSoap(config, upstream, deps))];
  const { checkRest } = await import('./rest.ts');
  return [...network, ...(await checkRest(config, upstream, deps))];
}

/** The way to the endpoint, and to identity where that is elsewhere. */
async function networkFindings(config: Config, upstream: Upstream): Promise<readonly Finding[]> {
  const check = (endpoint: URL, variable: string) => {
    const timeoutMs = Math.min(CONNECT_TIMEOUT_MS, config.upstreamTimeoutMs);
    return checkNetwork(endpoint, variable, proxyFor(config.proxies, endpoint), timeoutMs);
  };
  if (upstream.protocol === 'soap') return check(upstream.endpoint, 'MARKETO_SOAP_ENDPOINT');
  const { endpoint, identity } = upstream;
  const own = await check(endpoint, 'MARKETO_REST_ENDPOINT');
  if (identity.origin === endpoint.origin || own.some(({ state }) => state === 'fault')) return own;
  return [...own, ...(await check(identity, 'MARKETO_IDENTITY_ENDPOINT'))];
}

/**
 * Clock, credentials, default workspace, by one `syncLead` call (two if the clocks differ) with an id that no lead has:
 * it needs the same rights as a lead, is the only operation that takes a workspace, and stores nothing.
 */
async function checkSoap(
  config: Config,
  upstream: SoapUpstream,
  deps: CheckUpstreamDeps,
): Promise<readonly Finding[]> {
  const { defaultWorkspace } = config;
  const http = createHttpPost({
    endpoint: upstream.endpoint,
    connections: 1,
    maxBodyBytes: config.maxResponseBytes,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    proxy: proxyFor(config.proxies, upstream.endpoint),
  });
  let skewMs: number | undefined;
  const post: HttpPost = async (request) => {
    const answer = await http.post(request);
    if (answer.kind === 'response' && answer.date !== undefined)
      skewMs = deps.now() - Date.parse(answer.date);
    return answer;
  };
  const client = createSoapClient({
    post,
    credentials: { userId: upstream.userId, encryptionKey: upstream.encryptionKey.reveal() },
    clock: createUpstreamClock(deps.now, () => {}),
    timeoutMs: config.upstreamTimeoutMs,
    userAgent: `lead-gateway/${deps.version} doctor`,
  });
  const call = () =>
    client.syncLead(
      {
        id: UNUSED_ID,
        attributes: [],
        returnLead: false,
        ...(defaultWorkspace !== undefined && { workspace: defaultWorkspace }),
      },
      new AbortController().signal,
    );
  try {
    let outcome = await call();
    // Authenticates again with the upstream's time, which the client has learned.
    if (outcome.kind === 'fault' && outcome.fault.code === 20016) outcome = await call();
    return [...clockFindings(skewMs), ...credentialFindings(outcome, upstream, defaultWorkspace)];
  } finally {
    await http.close();
  }
}

function clockFindings(skewMs: number | undefined): readonly Finding[] {
  if (skewMs === undefined || Number.isNaN(skewMs)) {
    return [{ state: 'note', subject: 'clock', message: 'the upstream does not say what time it has' }];
  }
  const size = Math.abs(skewMs);
  const off = `the clock of this machine is ${Math.round(size / 1000)} s ${skewMs > 0 ? 'ahead of' : 'behind'} the upstream's`;
  if (size < SKEW_NOTE_MS)
    return [{ state: 'ok', subject: 'clock', message: "it agrees with the upstream's" }];
  return size < SKEW_FAULT_MS
    ? [{ state: 'note', subject: 'clock', message: off }]
    : [{ state: 'fault', subject: 'clock', message: `${off}; set it, preferably with NTP` }];
}

/** What the reply says about the credentials and the workspace. */
function credentialFindings(
  outcome: SoapOutcome,
  upstream: SoapUpstream,
  workspace: string | undefined,
): readonly Finding[] {
  const accepted: Finding = { state: 'ok', subject: 'credentials', message: 'the upstream accepts them' };
  switch (outcome.kind) {
    case 'fault':
      return fault(outcome.fault, accepted, upstream, workspace);
    case 'stored':
    case 'rejected':
      return [accepted, ...workspaceTaken(workspace)];
    case 'unreadable':
      if (redirectOf(outcome) !== undefined) return [redirectFault(outcome, upstream)];
      return [
        {
          state: 'fault',
          subject: 'answer',
          message: `what answers at ${upstream.endpoint.href} is not the SOAP API: the answer ${outcome.reason}${outcome.httpStatus === null ? '' : ` (HTTP status ${outcome.httpStatus})`}; check the path of MARKETO_SOAP_ENDPOINT`,
        },
      ];
    case 'unreachable':
    case 'cancelled':
      return [{ state: 'fault', subject: 'answer', message: 'the connection broke before a reply came' }];
    case 'timeout':
      return [{ state: 'fault', subject: 'answer', message: 'no reply came within UPSTREAM_TIMEOUT_MS' }];
  }
}

function lastPart(url: string): string | undefined {
  return new URL(url).pathname.replace(/\/+$/, '').split('/').at(-1);
}

/** What to set if the redirect leads to the same endpoint under another scheme, host or spelling; otherwise, what to look for. */
function redirectFault(
  outcome: Extract<SoapOutcome, { kind: 'unreadable' }>,
  { endpoint }: SoapUpstream,
): Finding {
  const where = outcome.redirectsTo ?? undefined;
  const isSameService = where !== undefined && lastPart(where) === lastPart(endpoint.href);
  const advice = isSameService
    ? `if that is Marketo's, set MARKETO_SOAP_ENDPOINT to ${where}`
    : 'check the host and the path of MARKETO_SOAP_ENDPOINT, and anything in between, such as a login page';
  return {
    state: 'fault',
    subject: 'answer',
    message: `what answers at ${endpoint.origin}${endpoint.pathname} ${redirectOf(outcome)}, and redirects are not followed; ${advice}`,
  };
}

function fault(
  { code, message }: { readonly code: number | null; readonly message: string },
  accepted: Finding,
  upstream: SoapUpstream,
  workspace: string | undefined,
): readonly Finding[] {
  const said = `the upstream says: ${message}`;
  switch (code) {
    case 20103:
      return [accepted, ...workspaceTaken(workspace)];
    case 20110:
      return [
        accepted,
        {
          state: 'fault',
          subject: 'workspace',
          message: `the upstream does not know ${workspace === undefined ? 'the workspace' : `"${workspace}" (MARKETO_DEFAULT_WORKSPACE)`}, or this user may not use it; ${said}`,
        },
      ];
    case 20014:
      return [{ state: 'fault', subject: 'credentials', message: `${credentialAdvice(upstream)}; ${said}` }];
    case 20013:
      return [
        {
          state: 'fault',
          subject: 'credentials',
          message: `they are right, but the API user may not call syncLead; ${said}`,
        },
      ];
    case 20015:
      return [limitFault('daily-quota-exhausted', code, said)];
    case 20023:
    case 20024:
      return [limitFault('upstream-busy', code, said)];
    case 20016:
      return [
        { state: 'fault', subject: 'clock', message: `the upstream refuses the time of the call; ${said}` },
      ];
    default:
      return [
        {
          state: 'fault',
          subject: 'answer',
          message: `the call was refused (code ${code ?? 'none'}); ${said}`,
        },
      ];
  }
}

/** The upstream does not say which of the two is wrong; their form may. */
function credentialAdvice({ userId }: SoapUpstream): string {
  const advice =
    'MARKETO_USER_ID or MARKETO_ENCRYPTION_KEY is wrong, or they belong to another subscription than MARKETO_SOAP_ENDPOINT';
  return /^\w+_\d+_[0-9A-F]{10,}$/.test(userId)
    ? advice
    : `${advice} (MARKETO_USER_ID does not look like Marketo's, such as name1_2_3456789ABCDEF0123456)`;
}

function workspaceTaken(workspace: string | undefined): readonly Finding[] {
  return workspace === undefined
    ? []
    : [{ state: 'ok', subject: 'workspace', message: `the upstream does not object to "${workspace}"` }];
}
