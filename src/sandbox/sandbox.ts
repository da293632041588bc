import { createAuthenticator } from '../soap-server/request.ts';
import { createSoapEndpoint, type SoapEndpoint } from '../soap-server/endpoint.ts';
import { createWsdlPage } from '../soap-server/wsdl.ts';
import { localUrl } from '../text/local-url.ts';
import { IDENTITY_BASE, REST_BASE, REST_PATHS } from '../text/rest-protocol.ts';
import { SOAP_PATH } from '../text/soap-protocol.ts';
import type { Limits } from './call-limits.ts';
import { createCallLog } from './call-log.ts';
import { CONTROL_PATH, type ControlApi, createControlApi } from './control/api.ts';
import { createPageFiles, createServerSentEvents } from './control/page.ts';
import type { GatewayLink } from './control/gateway-routes.ts';
import { createControlRoutes } from './control/routes.ts';
import { createFaceLimits } from './face-limits.ts';
import { createFaultInjection } from './fault-injection.ts';
import { listen, type RequestHandler, type Timers } from './http-server.ts';
import { createLeadStore } from './leads/store.ts';
import { createLeadOperations } from './operations.ts';
import { createRestEndpoint } from './rest/endpoint.ts';
import { createRestOperations } from './rest/operations.ts';
import { createTokens } from './rest/tokens.ts';
import { createSettings } from './settings.ts';
import { createStateFile, readState, readStateFile, type StateFile, writeState } from './state-file.ts';

/** What the sandbox takes (docs/sandbox.md#connect). Not a secret: the sandbox holds nothing worth one. */
export const SANDBOX_CREDENTIALS = {
  userId: 'sandbox',
  encryptionKey: 'sandbox-encryption-key',
} as const;

export type SandboxOptions = {
  /** 0 takes a free one. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Epoch milliseconds; default Date.now. For the age of timestamps, limits and the Date header. */
  readonly now?: () => number;
  readonly timers?: Timers;
  /** How long an operation takes between finding a lead and writing it; default 5. */
  readonly processingMs?: number;
  /** Limits that differ from the documented ones, or `off`. */
  readonly limits?: Partial<Limits> | 'off';
  /** JSON file that keeps leads and settings over a restart; created when missing. */
  readonly stateFile?: string;
  /** Called when calls that were refused may be taken again: after a reset of everything or a change of the limits. */
  readonly onRelief?: (what: 'reset' | 'limits') => void;
  /** The gateway that the sandbox is embedded in, once it serves. */
  readonly gateway?: () => GatewayLink | undefined;
};

export type RunningSandbox = {
  /** Where this machine reaches it, for example `http://127.0.0.1:8081`. */
  readonly url: string;
  /** `url` and the path of the SOAP endpoint. */
  readonly endpoint: string;
  /** Base of the REST API, as `MARKETO_REST_ENDPOINT` takes it; the base of identity is beside it. */
  readonly restEndpoint: string;
  close(): Promise<void>;
};

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PROCESSING_MS = 5;
const ENDPOINT = /^\/soap\/mktows\/[^/]+\/?$/;
const SYSTEM_TIMERS: Timers = { setTimer: setTimeout, clearTimer: clearTimeout };

/**
 * Starts a Marketo for development (docs/sandbox.md): the SOAP endpoint below `/soap/mktows/<any version>`, the REST API
 * below `/rest`, its tokens below `/identity`, the control API below `/_sandbox`. Rejects with Node's error, for example
 * EADDRINUSE, and with one that names a broken state file.
 */
export async function startSandbox(options: SandboxOptions): Promise<RunningSandbox> {
  const { port, host = DEFAULT_HOST, now = Date.now, timers = SYSTEM_TIMERS, stateFile } = options;
  const events = createServerSentEvents(timers);
  let file: StateFile | undefined;
  const parts = createParts(options, {
    dataChanged: () => {
      events.changed();
      file?.changed();
    },
    callLogged: events.changed,
  });
  if (stateFile !== undefined) loadState(parts, stateFile);

  const faces = { soap: createSoap(parts, options), rest: createRest(parts, options) };
  const control = createControlApi({
    routes: createControlRoutes({
      ...parts,
      limits: parts.limits.soap,
      restLimits: parts.limits.rest,
      now,
      reset: () => resetAll(parts, options),
      limitsChanged: () => options.onRelief?.('limits'),
      gateway: () => options.gateway?.(),
    }),
    pageFiles: createPageFiles(),
    events,
    ownHost: host,
  });

  // Before the state file, so that a second sandbox on the port does not touch the first one's.
  const server = await listen(createRouter(faces, control), { port, host, now, timers });
  if (stateFile !== undefined) {
    try {
      file = createStateFile(stateFile, () => writeState(parts.store, parts.settings), timers);
    } catch (error) {
      await server.close();
      throw error;
    }
  }
  const url = localUrl(host, server.port);
  return {
    url,
    endpoint: url + SOAP_PATH,
    restEndpoint: url + REST_BASE,
    close: async () => {
      events.close();
      await server.close();
      file?.close();
    },
  };
}

type Parts = ReturnType<typeof createParts>;

function createParts(
  { limits }: SandboxOptions,
  on: { readonly dataChanged: () => void; readonly callLogged: () => void },
) {
  const settings = createSettings(on.dataChanged);
  return {
    store: createLeadStore(on.dataChanged),
    settings,
    callLog: createCallLog(on.callLogged),
    faultInjection: createFaultInjection(),
    limits: createFaceLimits(limits, () => settings.current().rest.countTogether),
    tokens: createTokens(),
  };
}

function loadState({ store, settings }: Parts, path: string): void {
  const text = readStateFile(path);
  if (text === null) return;
  const saved = readState(text, path);
  store.restore(saved.leads, saved.nextId);
  settings.change(saved.settings);
}

function resetAll(
  { store, settings, callLog, faultInjection, limits, tokens }: Parts,
  options: SandboxOptions,
): void {
  store.clear();
  callLog.clear();
  faultInjection.clear();
  // While the settings still say which calls are counted.
  limits.soap.reset();
  limits.rest.reset();
  settings.reset();
  tokens.reset();
  options.onRelief?.('reset');
}

/** What both faces take from the sandbox. */
function facesDeps({
  processingMs = DEFAULT_PROCESSING_MS,
  now = Date.now,
  timers = SYSTEM_TIMERS,
}: SandboxOptions) {
  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      timers.setTimer(resolve, ms);
    });
  const process = (ms = processingMs) => (ms > 0 ? wait(ms) : Promise.resolve());
  return { now, wait, process };
}

function createSoap(
  { store, settings, callLog, faultInjection, limits }: Parts,
  options: SandboxOptions,
): SoapEndpoint {
  const { now, wait, process } = facesDeps(options);
  return createSoapEndpoint({
    operations: createLeadOperations({ store, settings, now, process: () => process() }),
    authenticator: createAuthenticator(SANDBOX_CREDENTIALS),
    admit: () => limits.soap.enter(now()),
    maxRecords: limits.soap.recordsPerBatch,
    takeFault: faultInjection.takeForSoap,
    onCall: callLog.add,
    now,
    wait,
  });
}

function createRest(
  { store, settings, callLog, faultInjection, limits, tokens }: Parts,
  options: SandboxOptions,
): RequestHandler {
  const { now, wait, process } = facesDeps(options);
  return createRestEndpoint({
    operations: createRestOperations({
      store,
      settings,
      now,
      process,
      today: () => limits.rest.report(now()).used.today,
    }),
    tokens,
    admit: () => limits.rest.enter(now()),
    count: () => limits.rest.count(now()),
    takeFault: faultInjection.takeForRest,
    onCall: callLog.add,
    now,
    wait,
  });
}

function createRouter(
  { soap, rest }: { readonly soap: SoapEndpoint; readonly rest: RequestHandler },
  control: ControlApi,
): RequestHandler {
  const wsdl = createWsdlPage();
  return async (request, response, target) => {
    const { path } = target;
    if (ENDPOINT.test(path)) {
      if (request.method === 'POST') await soap(request, response);
      else if (request.method === 'GET' || request.method === 'HEAD') wsdl(request, response, target);
      else response.writeHead(405, { Allow: 'GET, HEAD, POST', 'Content-Length': 0 }).end();
    } else if (path.startsWith(`${REST_BASE}/`) || path === IDENTITY_BASE + REST_PATHS.token) {
      await rest(request, response, target);
    } else if (path === '/') {
      response.writeHead(302, { Location: CONTROL_PATH, 'Content-Length': 0 }).end();
    } else if (path === CONTROL_PATH || path.startsWith(`${CONTROL_PATH}/`)) {
      await control(request, response, target);
    } else {
      response.writeHead(404, { 'Content-Length': 0 }).end();
    }
  };
}
