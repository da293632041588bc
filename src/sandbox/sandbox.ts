import { SOAP_PATH } from '../text/soap-protocol.ts';
import { localUrl } from '../text/local-url.ts';
import { createAuthenticator } from '../soap-server/authentication.ts';
import { createCallLimits, type Limits } from './call-limits.ts';
import { createCallLog } from './call-log.ts';
import { CONTROL_PATH, createControlApi } from './control/api.ts';
import { createControlRoutes } from './control/routes.ts';
import { listen, type RequestHandler } from './http-server.ts';
import { createLeadOperations } from './operations.ts';
import { createLeadStore } from './leads/store.ts';
import { createServerSentEvents, createPageFiles } from './control/page.ts';
import { createFaultInjection } from './fault-injection.ts';
import { createSettings } from './settings.ts';
import { createSoapEndpoint } from '../soap-server/endpoint.ts';
import { createStateFile, readState, readStateFile, type StateFile, writeState } from './state-file.ts';
import { createWsdlPage } from '../soap-server/wsdl.ts';

/** Whom the sandbox lets in (contract D). No secret: it keeps nothing worth one. */
export const SANDBOX_CREDENTIALS = {
  userId: 'sandbox',
  encryptionKey: 'sandbox-encryption-key',
} as const;

export type SandboxOptions = {
  /** 0 takes a free one. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Epoch milliseconds; default Date.now. Decides on timestamps, limits and the Date header. */
  readonly now?: () => number;
  /** How long an operation takes between finding a lead and writing it; default 5. */
  readonly processingMs?: number;
  /** Figures that differ from the documented ones, or `off`. */
  readonly limits?: Partial<Limits> | 'off';
  /** JSON file that keeps leads and settings over a restart; made when missing. */
  readonly stateFile?: string;
  /** Called when it takes calls again that it refused: after a `reset` of everything, or a change of the `limits`. */
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

/**
 * Starts a Marketo of one's own: the SOAP endpoint under `/soap/mktows/<any version>`, the control API under
 * `/_sandbox` (contract D). Rejects with the error of `listen` as it is, for example EADDRINUSE.
 */
export async function startSandbox(options: SandboxOptions): Promise<RunningSandbox> {
  const { port, host = DEFAULT_HOST, now = Date.now, stateFile } = options;
  const { processingMs = DEFAULT_PROCESSING_MS } = options;
  const saved = stateFile === undefined ? null : readStateFile(stateFile);
  const liveEvents = createServerSentEvents();
  let state: StateFile | undefined;
  const changed = () => {
    liveEvents.changed();
    state?.changed();
  };
  const store = createLeadStore(changed);
  const settings = createSettings(changed);
  const callLog = createCallLog(() => liveEvents.changed());
  const faultInjection = createFaultInjection();
  const limitsAtStart = options.limits === 'off' ? {} : (options.limits ?? {});
  const limits = createCallLimits(limitsAtStart, options.limits !== 'off');

  if (saved !== null && stateFile !== undefined) {
    const { leads, nextId, settings: savedSettings } = readState(saved, stateFile);
    store.restore(leads, nextId);
    settings.change(savedSettings);
  }

  const reset = () => {
    store.clear();
    settings.reset();
    callLog.clear();
    faultInjection.clear();
    limits.reset();
    options.onRelief?.('reset');
  };

  const soap = createSoapEndpoint({
    operations: createLeadOperations({
      store,
      settings,
      now,
      process: () => (processingMs > 0 ? wait(processingMs) : Promise.resolve()),
    }),
    authenticator: createAuthenticator(SANDBOX_CREDENTIALS),
    admit: () => limits.enter(now()),
    maxRecords: limits.recordsPerBatch,
    takeFault: faultInjection.take,
    onCall: callLog.add,
    now,
    wait,
  });
  const control = createControlApi({
    routes: createControlRoutes({
      store,
      settings,
      limits,
      callLog,
      faultInjection,
      now,
      reset,
      limitsChanged: () => options.onRelief?.('limits'),
    }),
    pageFiles: createPageFiles(),
    liveEvents,
    ownHost: host,
  });

  const wsdl = createWsdlPage();

  const handle: RequestHandler = async (request, response, target) => {
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

  // After `listen`, so that a second sandbox on one port does not touch the first one's file.
  const server = await listen(handle, { port, host, now });
  if (stateFile !== undefined) {
    try {
      state = createStateFile(stateFile, () => writeState(store, settings));
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
      liveEvents.close();
      await server.close();
      state?.close();
    },
  };
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
