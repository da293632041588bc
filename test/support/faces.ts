/** The two faces of a sandbox as upstreams of a gateway. */
import type { Environment } from '../../src/config/files.ts';
import type { TestSandbox } from './sandbox.ts';

export const PROTOCOLS = ['soap', 'rest'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** For sandboxes of gateways that sign with the time of day. */
export const TODAY = { now: Date.now };

/** Variables that make one face of a sandbox the upstream. */
export function upstreamEnv({ env, url }: Pick<TestSandbox, 'env' | 'url'>, protocol: Protocol): Environment {
  if (protocol === 'soap') return env;
  return {
    MARKETO_REST_ENDPOINT: `${url}/rest`,
    MARKETO_CLIENT_ID: 'sandbox',
    MARKETO_CLIENT_SECRET: 'sandbox-client-secret',
  };
}
