import type { Config } from '../config/config.ts';
import type { RestSettings } from '../config/upstream.ts';
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Clock } from '../runtime/clock.ts';
import type { GatewayLink } from '../sandbox/control/gateway-routes.ts';
import type { RunningSandbox, SandboxOptions } from '../sandbox/sandbox.ts';
import { IDENTITY_BASE, REST_PATHS } from '../text/rest-protocol.ts';
import { createHttpPost, type HttpPost } from '../transport/http-post.ts';
import { proxyFor } from '../transport/proxy.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { CloseStack } from './shutdown.ts';

type Context = Clock & {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly version: string;
  readonly onClose: CloseStack['onClose'];
};

type ReliefListener = (what: 'reset' | 'limits') => void;

/** An API that keeps leads, with the credentials for it. */
type Server =
  | {
      readonly protocol: 'soap';
      readonly endpoint: URL;
      readonly credentials: { readonly userId: string; readonly encryptionKey: string };
    }
  | {
      readonly protocol: 'rest';
      readonly endpoint: URL;
      /** The base of identity. */
      readonly identity: URL;
      readonly credentials: { readonly clientId: string; readonly clientSecret: string };
    };

/** Where leads are written. */
export type Target = {
  readonly server: Server;
  /** Null with a configured upstream. */
  readonly sandbox: RunningSandbox | null;
  /** `listener` is called when the embedded sandbox was reset or its limits were changed: calls may be possible again. */
  onRelief(listener: ReliefListener): void;
  /** Tells the embedded sandbox of the gateway, once that serves. */
  link(gateway: GatewayLink): void;
};

/** The configured upstream, or an embedded sandbox in its place. */
export async function findTarget({ config, onClose }: Context): Promise<Target> {
  if (config.upstream !== null)
    return { server: serverOf(config.upstream), sandbox: null, onRelief() {}, link() {} };
  let relieved: ReliefListener | undefined;
  let gateway: GatewayLink | undefined;
  const [{ SANDBOX_CREDENTIALS, startSandbox }, { SANDBOX_CLIENT }] = await Promise.all([
    import('../sandbox/sandbox.ts'),
    import('../sandbox/rest/tokens.ts'),
  ]);
  const sandbox = await startSandbox({
    ...sandboxOptions(config),
    onRelief: (what) => relieved?.(what),
    gateway: () => gateway,
  });
  onClose(sandbox.close);
  const server: Server =
    config.protocol === 'rest'
      ? {
          protocol: 'rest',
          endpoint: new URL(sandbox.restEndpoint),
          identity: new URL(IDENTITY_BASE, sandbox.restEndpoint),
          credentials: SANDBOX_CLIENT,
        }
      : { protocol: 'soap', endpoint: new URL(sandbox.endpoint), credentials: SANDBOX_CREDENTIALS };
  return {
    server,
    sandbox,
    onRelief(listener) {
      relieved = listener;
    },
    link(served) {
      gateway = served;
    },
  };
}

function serverOf(upstream: NonNullable<Config['upstream']>): Server {
  if (upstream.protocol === 'soap') {
    const { protocol, endpoint, userId, encryptionKey } = upstream;
    return { protocol, endpoint, credentials: { userId, encryptionKey: encryptionKey.reveal() } };
  }
  const { protocol, endpoint, identity, clientId, clientSecret } = upstream;
  return { protocol, endpoint, identity, credentials: { clientId, clientSecret: clientSecret.reveal() } };
}

/** The settings of the sandbox, embedded or standalone. */
export function sandboxOptions({ sandboxHost, sandboxPort, sandboxStateFile }: Config): SandboxOptions {
  return {
    host: sandboxHost,
    port: sandboxPort,
    ...(sandboxStateFile !== undefined && { stateFile: sandboxStateFile }),
  };
}

const CONNECT_TIMEOUT_MS = 10_000;

/** A client for the target's protocol with its own connections; loads no other protocol. */
export function createUpstream(context: Context, { server }: Target): Promise<Upstream> {
  const { config, version } = context;
  const options = { timeoutMs: config.upstreamTimeoutMs, userAgent: `lead-gateway/${version}` };
  const connect = (endpoint: URL) => connectTo(context, endpoint);
  return server.protocol === 'soap'
    ? soapUpstream(context, server, { ...options, post: connect(server.endpoint) })
    : restUpstream(server, { ...options, connect, clock: context, settings: config.rest });
}

function connectTo({ config, onClose }: Context, endpoint: URL): HttpPost {
  const http = createHttpPost({
    endpoint,
    connections: config.maxConcurrentCalls,
    maxBodyBytes: config.maxResponseBytes,
    connectTimeoutMs: Math.min(CONNECT_TIMEOUT_MS, config.upstreamTimeoutMs),
    proxy: proxyFor(config.proxies, endpoint),
  });
  onClose(http.close);
  return http.post;
}

type ClientOptions = { readonly timeoutMs: number; readonly userAgent: string };

async function soapUpstream(
  { logger, metrics, now, monotonicMs }: Context,
  { credentials }: Extract<Server, { protocol: 'soap' }>,
  options: ClientOptions & { readonly post: HttpPost },
): Promise<Upstream> {
  const [{ createSoapClient, createSoapUpstream }, { createUpstreamClock }] = await Promise.all([
    import('../marketo-soap/client.ts'),
    import('../marketo-soap/signing.ts'),
  ]);
  let clockCorrectionMs = 0;
  metrics.watch({ clockCorrection: () => clockCorrectionMs / 1000 });
  const clock = createUpstreamClock(now, (correctionMs) => {
    clockCorrectionMs = correctionMs;
    logger.warn({ correctionMs }, 'the clock of the upstream differs from ours; signing with its time');
  });
  return createSoapUpstream(createSoapClient({ ...options, credentials, clock }), { now, monotonicMs });
}

async function restUpstream(
  { endpoint, identity, credentials }: Extract<Server, { protocol: 'rest' }>,
  {
    connect,
    ...options
  }: ClientOptions & {
    readonly connect: (endpoint: URL) => HttpPost;
    readonly clock: Clock;
    readonly settings: RestSettings;
  },
): Promise<Upstream> {
  const { createRestUpstream } = await import('../marketo-rest/client.ts');
  return createRestUpstream({
    ...options,
    post: connect(endpoint),
    identity: connect(new URL(identity.href + REST_PATHS.token)),
    credentials,
    basePath: endpoint.pathname,
  });
}
