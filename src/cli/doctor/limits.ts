import type { ErrorCode } from '../../leads/errors.ts';
import type { Finding } from './network.ts';

/** Whether a call was refused only because there were too many: endpoint and credentials are right. */
export function isLimit(error: ErrorCode): boolean {
  return error === 'daily-quota-exhausted' || error === 'upstream-busy';
}

const OF_20_S =
  'run doctor again in a minute; if it comes again, compare MARKETO_MAX_CALLS_PER_20S with what other integrations leave of the contract';
const TOGETHER =
  'run doctor again in a minute; if it comes again, compare MARKETO_MAX_CONCURRENT with what other integrations leave of the contract';

/** What to do, by Marketo's code: of the REST API and of the SOAP API. */
const ADVICE: Readonly<Record<number, string>> = {
  606: OF_20_S,
  20023: OF_20_S,
  615: TOGETHER,
  20024: TOGETHER,
};

/** @param said Marketo's words, or ours of them */
export function limitFault(code: number | null, said: string): Finding {
  const advice = ADVICE[code ?? 0] ?? 'leads are refused until midnight US Central time';
  return { state: 'fault', subject: 'calls', message: `${said}; ${advice}` };
}
