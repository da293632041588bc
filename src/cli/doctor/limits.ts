import type { ErrorCode } from '../../leads/errors.ts';
import type { Finding } from './network.ts';

/** Whether a call was refused only because there were too many: endpoint and credentials are right. */
export function isLimit(error: ErrorCode): boolean {
  return error === 'daily-quota-exhausted' || error === 'upstream-busy';
}

const OF_THE_DAY = 'the gateway asks again once a minute; the quota is reset at midnight US Central time';
const OF_20_S =
  'run doctor again in a minute; if it comes again, compare MARKETO_MAX_CALLS_PER_20S with what other integrations leave of the contract';
const TOGETHER =
  'run doctor again in a minute; if it comes again, compare MARKETO_MAX_CONCURRENT with what other integrations leave of the contract';

/** Of the limit of calls at a time: REST, SOAP. */
const TOGETHER_CODES: ReadonlySet<number | undefined> = new Set([615, 20024]);

/**
 * @param code Marketo's, if there is one
 * @param said Marketo's words, or ours of them
 */
export function limitFault(error: ErrorCode, code: number | undefined, said: string): Finding {
  const ofRate = TOGETHER_CODES.has(code) ? TOGETHER : OF_20_S;
  const advice = error === 'daily-quota-exhausted' ? OF_THE_DAY : ofRate;
  return { state: 'fault', subject: 'calls', message: `${said}; ${advice}` };
}
