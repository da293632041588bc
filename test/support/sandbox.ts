import { onTestFinished } from 'vitest';
import { type SandboxOptions, SANDBOX_CREDENTIALS, startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Environment } from '../../src/config/files.ts';

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

export type TestSandbox = {
  /** Environment variables that make it a gateway's upstream. */
  readonly env: Environment;
  control(method: string, path: string, body?: unknown): Promise<any>;
  leads(): Promise<readonly SandboxLead[]>;
  calls(): Promise<readonly LoggedCall[]>;
  close(): Promise<void>;
};

/** A sandbox of its own on a free port, gone when the test ends. */
export async function startTestSandbox(options: Partial<SandboxOptions> = {}): Promise<TestSandbox> {
  const sandbox = await startSandbox({ port: 0, ...options });
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= sandbox.close());
  onTestFinished(close);
  const control = controlOf(sandbox.url);
  return {
    env: {
      MARKETO_SOAP_ENDPOINT: sandbox.endpoint,
      MARKETO_USER_ID: SANDBOX_CREDENTIALS.userId,
      MARKETO_ENCRYPTION_KEY: SANDBOX_CREDENTIALS.encryptionKey,
    },
    control,
    leads: async () => (await control('GET', '/leads')).leads,
    calls: async () => (await control('GET', '/calls')).calls,
    close,
  };
}

/** The control API of the sandbox at `url`. */
export function controlOf(url: string): TestSandbox['control'] {
  return async (method, path, body) => {
    const response = await fetch(`${url}/_sandbox${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? undefined : response.json();
  };
}
