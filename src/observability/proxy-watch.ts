import type { Logger } from './logger.ts';

/** As much of a call's outcome as is needed. */
type Outcome = { readonly kind: string; readonly proxyFailure?: string };

/** Says in the log when the proxy makes no connections, each reason once, and when it does again. */
export function createProxyWatch(logger: Logger): (outcome: Outcome) => void {
  let failure: string | undefined;
  return ({ kind, proxyFailure }) => {
    if (proxyFailure !== undefined) {
      if (proxyFailure !== failure) logger.warn({ reason: proxyFailure }, 'the proxy makes no connections');
      failure = proxyFailure;
    } else if (failure !== undefined && kind !== 'unreachable' && kind !== 'withdrawn') {
      logger.info({}, 'the proxy makes connections again');
      failure = undefined;
    }
  };
}
