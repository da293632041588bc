import { onTestFinished } from 'vitest';
import { createBreaker } from '../../src/dispatch/breaker.ts';
import { createDispatcher, type Dispatcher } from '../../src/dispatch/dispatcher.ts';
import type { CallPermits } from '../../src/dispatch/permits.ts';
import { createQuota } from '../../src/dispatch/quota.ts';
import { createSoapClient, createSoapUpstream } from '../../src/marketo-soap/client.ts';
import { createUpstreamClock } from '../../src/marketo-soap/signing.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { createHttpPost } from '../../src/transport/http-post.ts';
import type { TestSandbox } from './sandbox.ts';

const clock = systemClock;

/**
 * A dispatcher with its client in front of a sandbox, without HTTP before it: commands arrive in the order they are
 * given, which requests on several connections do not. Closed when the test ends.
 */
export function startDispatcher(
  sandbox: TestSandbox,
  {
    maxConcurrent = 10,
    maxBatch = 300,
    callsPerWindow = 1_000_000,
    permits,
  }: {
    readonly maxConcurrent?: number;
    readonly maxBatch?: number;
    readonly callsPerWindow?: number;
    readonly permits?: CallPermits;
  } = {},
): Dispatcher {
  const http = createHttpPost({
    endpoint: new URL(sandbox.env['MARKETO_SOAP_ENDPOINT'] ?? ''),
    connections: maxConcurrent,
    maxBodyBytes: 4_194_304,
    connectTimeoutMs: 1000,
  });
  onTestFinished(() => http.close());
  return createDispatcher({
    upstream: createSoapUpstream(
      createSoapClient({
        post: http.post,
        credentials: {
          userId: sandbox.env['MARKETO_USER_ID'] ?? '',
          encryptionKey: sandbox.env['MARKETO_ENCRYPTION_KEY'] ?? '',
        },
        clock: createUpstreamClock(Date.now, () => {}),
        timeoutMs: 5000,
        userAgent: 'test',
      }),
    ),
    quota: createQuota({ callsPerWindow, maxConcurrent, dailyCalls: 1_000_000 }, clock),
    permits,
    breaker: createBreaker({
      threshold: 5,
      minSpanMs: 0,
      pauseMs: 1000,
      patienceMs: 3000,
      monotonicMs: clock.monotonicMs,
    }),
    clock,
    random: Math.random,
    deadlineMs: 20_000,
    maxQueued: 10_000,
    maxBatch,
    observer: { onCall() {}, onAnswer() {}, onRefusal() {} },
  });
}
