import { createAuthenticator } from '../soap-server/request.ts';
import { createSoapEndpoint, type SoapEndpoint } from '../soap-server/endpoint.ts';
import { createWsdlPage } from '../soap-server/wsdl.ts';
import { localUrl } from '../text/local-url.ts';
import { SOAP_PATH } from '../text/soap-protocol.ts';
import { createCallLimits, type Limits } from './call-limits.ts';
import { createCallLog, createFaultInjection } from './call-log.ts';
import { CONTROL_PATH, type ControlApi, createControlApi } from './control/api.ts';
import { createPageFiles, createServerSentEvents } from './control/page.ts';
import { createControlRoutes } from './control/routes.ts';
import { listen, type RequestHandler, type Timers } from './http-server.ts';
import { createLeadStore } from './leads/store.ts';
import { createLeadOperations } from './operations.ts';
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
};

export type RunningSandbox = {
  /** Where this machine reaches it, for example `http://127.0.0.1:8081`. */
  readonly url: string;
  /** `url` and the path of the SOAP endpoint. */
  readonly endpoint: string;
  close(): Promise<void>;
};

const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PROCESSING_MS = 5;
const ENDPOINT = /^\/soap\/mktows\/[^/]+\/?$/;
const SYSTEM_TIMERS: Timers = { setTimer: setTimeout, clearTimer: clearTimeout };

/**
 * Starts a Marketo for development (docs/sandbox.md): the SOAP endpoint below `/soap/mktows/<any version>`, the control
 * API below `/_sandbox`. Rejects with Node's error, for example EADDRINUSE, and with one that names a broken state file.
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

  const soap = createSoap(parts, options, now, timers);
  const control = createControlApi({
    routes: createControlRoutes({
      ...parts,
      now,
      reset: () => resetAll(parts, options),
      limitsChanged: () => options.onRelief?.('limits'),
    }),
    pageFiles: createPageFiles(),
    events,
    ownHost: host,
  });

  // Before the state file, so that a second sandbox on the port does not touch the first one's.
  const server = await listen(createRouter(soap, control), { port, host, now, timers });
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
  return {
    store: createLeadStore(on.dataChanged),
    settings: createSettings(on.dataChanged),
    callLog: createCallLog(on.callLogged),
    faultInjection: createFaultInjection(),
    limits: createCallLimits(limits === 'off' ? {} : (limits ?? {}), limits !== 'off'),
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
  { store, settings, callLog, faultInjection, limits }: Parts,
  options: SandboxOptions,
): void {
  store.clear();
  settings.reset();
  callLog.clear();
  faultInjection.clear();
  limits.reset();
  options.onRelief?.('reset');
}

function createSoap(
  { store, settings, callLog, faultInjection, limits }: Parts,
  { processingMs = DEFAULT_PROCESSING_MS }: SandboxOptions,
  now: () => number,
  { setTimer }: Timers,
): SoapEndpoint {
  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      setTimer(resolve, ms);
    });
  const process = () => (processingMs > 0 ? wait(processingMs) : Promise.resolve());
  return createSoapEndpoint({
    operations: createLeadOperations({ store, settings, now, process }),
    authenticator: createAuthenticator(SANDBOX_CREDENTIALS),
    admit: () => limits.enter(now()),
    maxRecords: limits.recordsPerBatch,
    takeFault: faultInjection.take,
    onCall: callLog.add,
    now,
    wait,
  });
}

function createRouter(soap: SoapEndpoint, control: ControlApi): RequestHandler {
  const wsdl = createWsdlPage();
  return async (request, response, target) => {
    const { path } = target;
    if (ENDPOINT.test(path)) {
      if (request.method === 'POST') await soap(request, response);
      else if (request.method === 'GET' || request.method === 'HEAD') wsdl(request, response, target);
      else response.writeHead(405, { Allow: 'GET, HEAD, POST', 'Content-Length': 0 }).end();
    } else if (path === '/') {
      response.writeHead(302, { Location: CONTROL_PATH, 'Content-Length': 0 }).end();
    } else if (path === CONTROL_PATH || path.startsWith(`${CONTROL_PATH}/`)) {
      await control(request, response, target);
    } else {
      response.writeHead(404, { 'Content-Length': 0 }).end();
    }
  };
}
