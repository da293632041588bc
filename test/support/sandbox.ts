/** A sandbox for tests, and wire texts for it written by hand: of the product only its start. */
import { createHmac } from 'node:crypto';
import type { Environment } from '../../src/config/files.ts';
import {
  type RunningSandbox,
  SANDBOX_CREDENTIALS,
  type SandboxOptions,
  startSandbox,
} from '../../src/sandbox/sandbox.ts';
import { atEnd } from './lasting.ts';

export const START = Date.parse('2026-03-02T12:00:00Z');

export type SandboxLead = {
  readonly id: number;
  readonly email: string | null;
  readonly foreignSysPersonId: string | null;
  readonly foreignSysType: string | null;
  readonly cookies: readonly string[];
  readonly anonymous: boolean;
  readonly partition: string;
  readonly attributes: Readonly<Record<string, string>>;
};

export type LoggedCall = {
  readonly operation: string;
  readonly records: number;
  readonly outcome: unknown;
};

export type TestSandbox = RunningSandbox & {
  /** Environment variables that make it a gateway's upstream. */
  readonly env: Environment;
  /** A request of the control API; fails when it is refused. */
  control(method: string, path: string, body?: unknown): Promise<any>;
  leads(): Promise<readonly SandboxLead[]>;
  calls(): Promise<readonly LoggedCall[]>;
  post(envelope: string | Uint8Array, headers?: Record<string, string>, path?: string): Promise<SoapAnswer>;
  /** Posts a signed envelope with this body. */
  call(body: string, headerBlocks?: string): Promise<SoapAnswer>;
  /** syncLead with these elements in leadRecord. */
  sync(record: string, more?: SyncMore): Promise<SoapAnswer>;
};

type SyncMore = {
  readonly workspace?: string;
  readonly cookie?: string;
  readonly returnLead?: string;
};

export type SoapAnswer = {
  readonly httpStatus: number;
  readonly headers: Headers;
  readonly text: string;
  /** Text of the first element with that local name; null when it is missing or empty. */
  value(local: string): string | null;
  readonly leadId: number;
  readonly status: string | null;
  /** Code of the fault; null without one. */
  readonly fault: number | null;
};

/** A sandbox of its own on a free port, gone when the test ends. */
export async function startTestSandbox(options: Partial<SandboxOptions> = {}): Promise<TestSandbox> {
  const running = await startSandbox({ port: 0, ...options });
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= running.close());
  atEnd(close);
  const control = controlOf(running.url);
  const { now = Date.now } = options;

  const post: TestSandbox['post'] = async (envelope, headers = {}, path = '/soap/mktows/2_9') => {
    const response = await fetch(running.url + path, {
      method: 'POST',
      headers: {
        'Content-Type': 'text/xml; charset=utf-8',
        SOAPAction: '"http://www.marketo.com/mktows/syncLead"',
        ...headers,
      },
      body: envelope as string,
    });
    return soapAnswerOf(response.status, response.headers, await response.text());
  };
  const call: TestSandbox['call'] = (body, headerBlocks = '') =>
    post(envelopeOf(body, authentication(now()) + headerBlocks));
  return {
    ...running,
    close,
    env: {
      MARKETO_SOAP_ENDPOINT: running.endpoint,
      MARKETO_USER_ID: SANDBOX_CREDENTIALS.userId,
      MARKETO_ENCRYPTION_KEY: SANDBOX_CREDENTIALS.encryptionKey,
    },
    control,
    leads: async () => (await control('GET', '/leads')).leads,
    calls: async () => (await control('GET', '/calls')).calls,
    post,
    call,
    sync: (record, { workspace, cookie, returnLead = 'true' } = {}) =>
      call(
        `<ns1:paramsSyncLead><leadRecord>${record}</leadRecord><returnLead>${returnLead}</returnLead>` +
          `${cookie === undefined ? '' : `<marketoCookie>${cookie}</marketoCookie>`}</ns1:paramsSyncLead>`,
        workspace === undefined ? '' : context(workspace),
      ),
  };
}

export type StillSandbox = TestSandbox & {
  /** Sets the sandbox's clock forward. */
  tick(ms: number): void;
  now(): number;
};

/** The same with a time of day that stands still at {@link START}, without limits and without processing time. */
export async function startStillSandbox(options: Partial<SandboxOptions> = {}): Promise<StillSandbox> {
  let nowMs = START;
  const now = options.now ?? (() => nowMs);
  const tick = (ms: number) => {
    nowMs += ms;
  };
  const started = await startTestSandbox({ processingMs: 0, limits: 'off', now, ...options });
  return { ...started, now, tick };
}

/** The control API of the sandbox at `url`. */
export function controlOf(url: string): TestSandbox['control'] {
  return async (method, path, body) => {
    const response = await fetch(`${url}/_sandbox${path}`, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? undefined : response.json();
  };
}

function soapAnswerOf(httpStatus: number, headers: Headers, text: string): SoapAnswer {
  const value = (local: string) => new RegExp(`<(?:\\w+:)?${local}>([^<]*)<`).exec(text)?.[1] ?? null;
  const code = value('code');
  return {
    httpStatus,
    headers,
    text,
    value,
    leadId: Number(value('leadId')),
    status: value('status'),
    fault: code === null ? null : Number(code),
  };
}

export function envelopeOf(body: string, headerBlocks: string): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"' +
    ' xmlns:ns1="http://www.marketo.com/mktows/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' +
    `<SOAP-ENV:Header>${headerBlocks}</SOAP-ENV:Header>` +
    `<SOAP-ENV:Body>${body}</SOAP-ENV:Body></SOAP-ENV:Envelope>`
  );
}

export function signature(timestamp: string, key = 'sandbox-encryption-key', user = 'sandbox'): string {
  return createHmac('sha1', key).update(`${timestamp}${user}`).digest('hex');
}

/** The vendor's form of an instant: date-time with an offset. */
export function timestampOf(ms: number): string {
  return new Date(ms - 7 * 3_600_000).toISOString().replace(/\.\d+Z$/, '-07:00');
}

export function credentials(ms: number): { user: string; sign: string; timestamp: string } {
  const timestamp = timestampOf(ms);
  return { user: 'sandbox', sign: signature(timestamp), timestamp };
}

export function authentication(ms: number): string {
  const { user, sign, timestamp } = credentials(ms);
  return (
    `<ns1:AuthenticationHeader><mktowsUserId>${user}</mktowsUserId>` +
    `<requestSignature>${sign}</requestSignature>` +
    `<requestTimestamp>${timestamp}</requestTimestamp></ns1:AuthenticationHeader>`
  );
}

export function context(workspace: string): string {
  return `<ns1:MktowsContextHeader><targetWorkspace>${workspace}</targetWorkspace></ns1:MktowsContextHeader>`;
}

export function attributes(values: Record<string, string>): string {
  const list = Object.entries(values).map(
    ([name, value]) => `<attribute><attrName>${name}</attrName><attrValue>${value}</attrValue></attribute>`,
  );
  return `<leadAttributeList>${list.join('')}</leadAttributeList>`;
}

export const email = (address: string) => `<Email>${address}</Email>`;
export const id = (value: number | string) => `<Id>${value}</Id>`;
export const foreign = (value: string, type = 'SFDC') =>
  `<ForeignSysPersonId>${value}</ForeignSysPersonId><ForeignSysType>${type}</ForeignSysType>`;
