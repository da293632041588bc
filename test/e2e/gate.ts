import { expect } from 'vitest';
import type { Environment } from '../../src/config/files.ts';
import type { TestGateway } from '../support/gateway.ts';
import type { TestSandbox } from '../support/sandbox.ts';
import { startUpstream } from '../support/upstream.ts';

export type Gate = {
  /** Environment variables that make the gate a gateway's upstream. */
  readonly env: Environment;
  /** Holds calls back until they are released. */
  hold(): void;
  /** Resolves when a call is held. */
  reached(): Promise<void>;
  release(): void;
};

/** Stands before a sandbox and holds a call back, so that a test decides what waits behind it. */
export async function startGate(sandbox: TestSandbox): Promise<Gate> {
  let held: Promise<void> | undefined;
  let waiting = 0;
  let release = () => {};
  const { endpoint } = await startUpstream(async (response, { headers, body }) => {
    if (held !== undefined) {
      waiting += 1;
      await held;
    }
    const answer = await fetch(sandbox.env['MARKETO_SOAP_ENDPOINT'] ?? '', {
      method: 'POST',
      headers: {
        'content-type': headers['content-type'] ?? '',
        soapaction: String(headers['soapaction'] ?? ''),
      },
      body,
    });
    const type = answer.headers.get('content-type') ?? '';
    response.writeHead(answer.status, { 'content-type': type }).end(await answer.text());
  });
  return {
    env: { ...sandbox.env, MARKETO_SOAP_ENDPOINT: endpoint },
    hold() {
      waiting = 0;
      held = new Promise((resolve) => (release = resolve));
    },
    async reached() {
      await expect.poll(() => waiting).toBeGreaterThan(0);
    },
    release() {
      held = undefined;
      release();
    },
  };
}

/** Waits until the gateway's queue holds exactly `leads` leads. */
export async function queued(gateway: TestGateway, leads: number): Promise<void> {
  const metrics = async () => (await fetch(`${gateway.url}/metrics`)).text();
  await expect.poll(metrics).toMatch(new RegExp(`^lead_gateway_queue_leads ${leads}$`, 'm'));
}
