import { SoapFault } from '../soap-server/answer.ts';
import { REST_CODES } from '../text/rest-protocol.ts';
import {
  type CallLimits,
  createCallLimits,
  createCallUse,
  DOCUMENTED_LIMITS,
  type Limits,
} from './call-limits.ts';
import { RestError } from './rest/answer.ts';

/** A subscription has more calls a day by REST than it had by SOAP. */
const REST_LIMITS: Limits = { ...DOCUMENTED_LIMITS, callsPerDay: 50_000 };

/**
 * The limits of both faces. While `together` is true both faces share one count; otherwise each has its own.
 * @param changed limits that differ from the documented ones, or `off`
 */
export function createFaceLimits(
  changed: Partial<Limits> | 'off' | undefined,
  together: () => boolean,
): { readonly soap: CallLimits; readonly rest: CallLimits } {
  const enabled = changed !== 'off';
  const differing = changed === 'off' ? {} : changed;
  const soapUse = createCallUse();
  const restUse = createCallUse();
  return {
    soap: createCallLimits({
      initial: { ...DOCUMENTED_LIMITS, ...differing },
      enabled,
      use: () => soapUse,
      refusal: (reached, limits) => soapRefusal[reached](limits),
    }),
    rest: createCallLimits({
      initial: { ...REST_LIMITS, ...differing },
      enabled,
      use: () => (together() ? soapUse : restUse),
      refusal: (reached, limits) => restRefusal[reached](limits),
      countRefused: true,
    }),
  };
}

const soapRefusal = {
  day: ({ callsPerDay }: Limits) =>
    new SoapFault(20015, `Request limit of ${callsPerDay} calls a day exceeded`),
  rate: ({ callsPer20Seconds }: Limits) =>
    new SoapFault(20023, `Rate limit of ${callsPer20Seconds} calls in 20 seconds exceeded`),
  concurrency: ({ concurrentCalls }: Limits) =>
    new SoapFault(20024, `Limit of ${concurrentCalls} concurrent calls exceeded`),
} as const;

const restRefusal = {
  day: () => new RestError(REST_CODES.dailyQuota, 'Daily quota reached'),
  rate: ({ callsPer20Seconds }: Limits) =>
    new RestError(REST_CODES.rateLimit, `Max rate limit '${callsPer20Seconds}' exceeded with in '20' secs`),
  concurrency: ({ concurrentCalls }: Limits) =>
    new RestError(REST_CODES.concurrency, `Concurrent access limit '${concurrentCalls}' reached`),
} as const;
