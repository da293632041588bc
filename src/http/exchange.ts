import type { Response } from 'express';
import type { ErrorCode } from '../leads/errors.ts';
import type { CallTiming } from '../leads/lead.ts';
import type { Trace } from '../leads/trace.ts';
import type { Caller } from './access/caller.ts';
import type { Refusal } from './access/keyring.ts';

/** What one middleware learns of a request and a later one needs. */
export type Exchange = {
  requestId: string;
  trace: Trace;
  /** The problem the request was answered with. */
  problem?: ErrorCode;
  /** Who is calling, where that is asked and known. */
  caller?: Caller;
  /** Why the credentials were refused, and the name of the key where there is one. Never for the caller. */
  refusal?: Refusal;
  keyName?: string;
  /** The problem that a blind caller was not told. */
  hiddenProblem?: ErrorCode;
  /** Where the time of a lead went, once it is known. */
  timing?: CallTiming;
};

/** The exchange a response belongs to; request id and trace are there from the first steps on. */
export function exchangeOf(res: Response): Exchange {
  return res.locals as Exchange;
}
