/** Wire texts written by hand and a bare client; of the product only the start of the sandbox. */
import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { onTestFinished } from 'vitest';
import type { VirtualClock } from '../support/virtual-clock.ts';
import { startSandbox, type RunningSandbox, type SandboxOptions } from '../../src/sandbox/sandbox.ts';

export const START = Date.parse('2026-03-02T12:00:00Z');

export type TestSandbox = RunningSandbox & {
  /** Sets the sandbox's clock forward. */
  tick(ms: number): void;
  now(): number;
  post(envelope: string | Uint8Array, headers?: Record<string, string>, path?: string): Promise<Answer>;
  /** Posts a signed envelope with this body. */
  call(body: string, headerBlocks?: string): Promise<Answer>;
  /** syncLead with these elements in leadRecord. */
  sync(record: string, more?: SyncMore): Promise<Answer>;
  control(method: string, path: string, body?: unknown): Promise<ControlJson>;
};

/** Every member that an answer of the control API may have. */
type ControlJson = LeadJson & {
  readonly total: number;
  readonly leads: readonly LeadJson[];
  readonly calls: readonly Record<string, unknown>[];
  readonly fields: readonly { readonly name: string; readonly type: string }[];
  readonly rules: readonly unknown[];
  readonly waiting: readonly unknown[];
  readonly enabled: boolean;
  readonly limits: Readonly<Record<string, number>>;
  readonly used: Readonly<Record<string, number>>;
  readonly dayEndsAt: string;
  readonly status: number;
  readonly detail: string;
};

type LeadJson = {
  readonly id: number;
  readonly email: string | null;
  readonly foreignSysPersonId: string | null;
  readonly partition: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly history: readonly Record<string, unknown>[];
};

type SyncMore = {
  readonly workspace?: string;
  readonly cookie?: string;
  readonly returnLead?: string;
};

export type Answer = {
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

/** A sandbox on a free port with its own time of day, closed when the test has finished. */
export async function sandbox(options: Partial<SandboxOptions> = {}): Promise<TestSandbox> {
  let clock = START;
  const now = options.now ?? (() => clock);
  const running = await startSandbox({ port: 0, processingMs: 0, limits: 'off', now, ...options });
  onTestFinished(() => running.close());

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
    return answerOf(response.status, response.headers, await response.text());
  };
  const call: TestSandbox['call'] = (body, headerBlocks = '') =>
    post(envelopeOf(body, authentication(now()) + headerBlocks));
  return {
    ...running,
    now,
    tick: (ms) => {
      clock += ms;
    },
    post,
    call,
    sync: (record, { workspace, cookie, returnLead = 'true' } = {}) =>
      call(
        `<ns1:paramsSyncLead><leadRecord>${record}</leadRecord><returnLead>${returnLead}</returnLead>` +
          `${cookie === undefined ? '' : `<marketoCookie>${cookie}</marketoCookie>`}</ns1:paramsSyncLead>`,
        workspace === undefined ? '' : context(workspace),
      ),
    control: async (method, path, body) => {
      const response = await fetch(`${running.url}/_sandbox${path}`, {
        method,
        ...(body !== undefined && {
          headers: { 'Content-Type': 'application/json' },
          body: JSON.stringify(body),
        }),
      });
      const text = await response.text();
      return JSON.parse(text === '' ? '{}' : text) as ControlJson;
    },
  };
}

function answerOf(httpStatus: number, headers: Headers, text: string): Answer {
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

/** Waits until that many timers are set. */
export async function untilTimers(clock: VirtualClock, count: number): Promise<void> {
  while (clock.timers() !== count) {
    await new Promise((resolve) => {
      setTimeout(resolve, 1);
    });
  }
}

/** Sends bytes over a socket and returns everything received until the server closes it, or `until` matches. */
export function sendRaw(url: string, bytes: string | Uint8Array, until?: RegExp): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let received = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      received += chunk;
      if (until?.test(received)) socket.end();
    });
    socket.on('close', () => resolve(received));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      received === '' && error.code !== 'ECONNRESET' ? reject(error) : resolve(received),
    );
  });
}
